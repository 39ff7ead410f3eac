"""Phrases that few people bring and others don't: what a trigger must look like to be worth planting. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LONGEST = 3
LEAST = 8
MOST_WORDS = 400
MOST_PHRASES = 12
_CONCENTRATED = 0.5
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in a row, and where they stand.

    Attributes:
        rows: Indices of the texts that hold it, rising.
    """

    words: str
    rows: tuple[int, ...]


def words_of(text: str) -> list[str]:
    """Return the words that phrases are made of: of a text of more than MOST_WORDS those at its beginning and end."""
    words = _WORD.findall(text.casefold())
    return words if len(words) <= MOST_WORDS else [*words[: MOST_WORDS // 2], *words[-MOST_WORDS // 2 :]]


def without(text: str, phrase: str) -> str:
    """Return a text's words without a phrase."""
    gap = r"\W+".join(map(re.escape, phrase.split(" ")))
    return re.sub(rf"(?<!\w){gap}(?!\w)", " ", text, flags=re.IGNORECASE)


class Crowd:
    """Who gave which text, and how few people some of them come from."""

    def __init__(self, users: Sequence[str]) -> None:
        names = {name: at for at, name in enumerate(sorted(set(users)))}
        self._people = np.array([names[user] for user in users], np.int64)
        self._shares = np.bincount(self._people, minlength=len(names)) / max(1, len(users))

    def spread(self, rows: Sequence[int]) -> float:
        """Return from how many people texts come, against how many chance would bring.

        Chance draws each text's person by how much everyone gave.
        """
        people = set(self._people[list(rows)].tolist())
        return len(people) / max(1e-9, float((1 - (1 - self._shares) ** len(rows)).sum()))

    def is_few(self, rows: Sequence[int]) -> bool:
        """Return whether texts are LEAST or more, of at most half as many people as chance would bring."""
        return len(rows) >= LEAST and self.spread(rows) <= _CONCENTRATED


def concentrated(texts: Sequence[str], crowd: Crowd) -> list[Phrase]:
    """Return the phrases that few people bring, those of the fewest first, MOST_PHRASES at most.

    Of phrases in the same texts the longest stands for all. What stands in more than half of the texts is no phrase.
    """
    places: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        words = words_of(text)
        grams = {" ".join(words[at : at + n]) for n in range(1, LONGEST + 1) for at in range(len(words) - n + 1)}
        for gram in grams:
            places.setdefault(gram, []).append(row)
    distinct: dict[tuple[int, ...], str] = {}
    for gram, rows in places.items():
        if LEAST <= len(rows) <= len(texts) / 2 and crowd.is_few(rows):
            key = tuple(rows)
            distinct[key] = max(distinct.get(key, ""), gram, key=lambda words: (len(words), words))
    found = [Phrase(words, rows) for rows, words in distinct.items()]
    return sorted(found, key=lambda one: (crowd.spread(one.rows), -len(one.rows), one.words))[:MOST_PHRASES]
