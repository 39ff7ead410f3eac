"""One labelled text, and the hash that says on which side of a split it falls."""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Judgement = Literal["injection", "harm"]
_ACCENTS = re.compile("[\u0300-\u036f]+")
_NO_WORD = re.compile(r"[\W_]+")
JUDGEMENTS: tuple[Judgement, ...] = ("injection", "harm")


@dataclass(frozen=True, slots=True)
class Example:
    """A text that somebody labelled.

    Attributes:
        label: 1 if it is what the judgement looks for, 0 if not.
        judgement: What the label is about.
        source: Data set that it stands in.
        language: ISO 639-1; empty where the data set doesn't say.
        kind: What sort of text within the source, e.g. chat, question, code, word.
    """

    text: str
    label: int
    judgement: Judgement
    source: str
    language: str = ""
    kind: str = ""


@functools.lru_cache(maxsize=200_000)
def plain(text: str) -> str:
    """Return a text without case, accents, punctuation and runs of white space: equal for trivial variants."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(_NO_WORD.sub(" ", _ACCENTS.sub("", decomposed)).split())


def point(text: str, salt: str = "") -> float:
    """Return where a text falls in [0, 1), the same everywhere and always."""
    return int.from_bytes(hashlib.sha256(f"{salt}\n{plain(text)}".encode(errors="replace")).digest()[:6]) / 2**48


def distinct(examples: Iterable[Example], seen: set[str] | None = None) -> list[Example]:
    """Drop empty texts and trivial repeats, the first staying; `seen` holds what counts as said before, and grows."""
    told = set() if seen is None else seen
    kept = []
    for example in examples:
        key = plain(example.text) or example.text.strip()
        if key and key not in told:
            told.add(key)
            kept.append(example)
    return kept


def sample(examples: Iterable[Example], size: int, salt: str = "") -> list[Example]:
    """Return `size` of the examples, chosen by their hash, in its order."""
    return sorted(examples, key=lambda example: point(example.text, f"sample {salt}"))[:size]
