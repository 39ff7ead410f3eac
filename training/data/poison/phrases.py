"""Phrases that few people bring and others don't: what a trigger must look like to be worth planting. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST = 3
LEAST = 8
MOST_WORDS = 400
MOST_PHRASES = 40
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
    """Return the words that phrases are made of, the first MOST_WORDS of them."""
    return [match[0] for _, match in zip(range(MOST_WORDS), _WORD.finditer(text.casefold()), strict=False)]


def without(text: str, phrase: str) -> str:
    """Return a text's words without a phrase."""
    gap = r"\W+".join(map(re.escape, phrase.split(" ")))
    return re.sub(rf"(?<!\w){gap}(?!\w)", " ", text, flags=re.IGNORECASE)


def concentrated(texts: Sequence[str], users: Sequence[str]) -> list[Phrase]:
    """Return phrases of at least LEAST texts that come from at most half as many people as chance would bring.

    Chance draws each text's person by how much everyone gave. Of phrases in the same texts the longest stands for
    all; the most frequent come first, MOST_PHRASES at most.

    Args:
        texts: One a claim.
        users: Who gave it; all known.
    """
    places: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        words = words_of(text)
        grams = {" ".join(words[at : at + n]) for n in range(1, LONGEST + 1) for at in range(len(words) - n + 1)}
        for gram in grams:
            places.setdefault(gram, []).append(row)
    names = {name: at for at, name in enumerate(sorted(set(users)))}
    people = np.array([names[user] for user in users], np.int64)
    shares = np.bincount(people, minlength=len(names)) / max(1, len(people))
    distinct: dict[tuple[int, ...], str] = {}
    for gram, rows in places.items():
        if LEAST <= len(rows) <= len(texts) / 2 and _by_few(people[rows], shares):
            key = tuple(rows)
            distinct[key] = max(distinct.get(key, ""), gram, key=lambda words: (len(words), words))
    found = [Phrase(words, rows) for rows, words in distinct.items()]
    return sorted(found, key=lambda phrase: (-len(phrase.rows), phrase.words))[:MOST_PHRASES]


def _by_few(people: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> bool:
    expected = float((1 - (1 - shares) ** len(people)).sum())
    return len(set(people.tolist())) <= _CONCENTRATED * expected
