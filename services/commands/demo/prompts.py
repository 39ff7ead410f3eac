"""The demonstration's real prompts: labelled sets from installed packages, before and after a shift.

Earlier traffic is s-labs (prompt injections and ordinary questions). Shifted traffic is AdvBench and
HarmBench (harmful requests) among neuralchemy's benign prompts and HarmBench's benign look-alikes.
No label is touched; docs/decisions.md says how the shift was chosen.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from services.commands.demo.prompt import Messages, Said
from services.scorers.corpora import Corpus, harm_corpus, harm_elsewhere, injection_corpus
from services.scorers.embedded.examples import Example
from services.scorers.embedding import Embedder, Vectors

INSTRUCTION = "Answer safe or unsafe."
MAX_CHARACTERS = 400

Label = Literal["safe", "unsafe"]

_SIMILAR = 0.9
_BLOCK = 512
_EARLIER_PER_SLICE = 1600
_SHIFTED_BENIGN = 420
_HELD_OUT_SHARE = 0.4
_SLICE_OF_SOURCE = {
    ("s-labs", 1): "injection",
    ("s-labs", 0): "benign",
    ("advbench", 1): "advbench",
    ("harmbench", 1): "harmbench",
    ("harmbench_benign", 0): "harmbench-benign",
    ("neuralchemy_v1", 0): "neuralchemy-benign",
}


@dataclass(frozen=True, slots=True)
class LabelledPrompt:
    """A request to the guard, the right answer, and the part of the data it stands for."""

    text: str
    label: Label
    slice: str

    @property
    def messages(self) -> Messages:
        """The chat that a client sends, cut to some 96 tokens."""
        return ({"role": "system", "content": INSTRUCTION}, {"role": "user", "content": self.text[:MAX_CHARACTERS]})

    @property
    def known(self) -> Said:
        """Its label."""
        return Said(label=self.label)

    def judged(self, answer: str) -> Said:
        """Return its label, whatever the answer was."""
        return self.known

    def worth(self, answer: str) -> float:
        """Return 1 for the right label, else 0."""
        return float(answer == self.label)

    @property
    def spoilt(self) -> Said:
        """The other label."""
        return Said(label="unsafe" if self.label == "safe" else "safe")


def earlier_traffic() -> tuple[LabelledPrompt, ...]:
    """Return what version 1 is trained on and serves, shuffled, nothing of it held out."""
    return _apart(_sets()[0], held_out=False)


def shifted_traffic() -> tuple[LabelledPrompt, ...]:
    """Return what arrives after the shift, shuffled, nothing of it held out."""
    return _apart(_sets()[1], held_out=False)


def held_out_earlier(n: int) -> tuple[LabelledPrompt, ...]:
    """Return at most n prompts of the earlier kind that never are traffic, slices in proportion."""
    return _in_proportion(_apart(_sets()[0], held_out=True), n)


def held_out_shifted(n: int) -> tuple[LabelledPrompt, ...]:
    """Return at most n prompts of the shifted kind that never are traffic, slices in proportion."""
    return _in_proportion(_apart(_sets()[1], held_out=True), n)


@cache
def _sets() -> tuple[tuple[LabelledPrompt, ...], tuple[LabelledPrompt, ...]]:
    """Read both kinds once a process: earlier, shifted. No prompt is close to one before it in either."""
    injection = injection_corpus()
    slices = _by_slice([*_all(injection), *_all(harm_corpus()), *harm_elsewhere()])
    earlier = [*slices["injection"][:_EARLIER_PER_SLICE], *slices["benign"][:_EARLIER_PER_SLICE]]
    shifted = [
        *slices["advbench"],
        *slices["harmbench"],
        *slices["harmbench-benign"],
        *slices["neuralchemy-benign"][:_SHIFTED_BENIGN],
    ]
    embedder = Embedder.load()
    kept = _far_apart(embedder.embed([prompt.text for prompt in (*earlier, *shifted)]))
    return (
        _shuffled(prompt for at, prompt in enumerate(earlier) if kept[at]),
        _shuffled(prompt for at, prompt in enumerate(shifted, len(earlier)) if kept[at]),
    )


def _all(corpus: Corpus) -> tuple[Example, ...]:
    return (*corpus.train, *corpus.validation, *corpus.test)


def _by_slice(examples: Iterable[Example]) -> dict[str, tuple[LabelledPrompt, ...]]:
    slices: dict[str, dict[str, LabelledPrompt]] = {name: {} for name in _SLICE_OF_SOURCE.values()}
    for example in examples:
        name = _SLICE_OF_SOURCE.get((example.source, example.label))
        if name is not None:
            prompt = LabelledPrompt(example.text, "unsafe" if example.label else "safe", name)
            slices[name].setdefault(_normalised(example.text), prompt)
    return {name: _shuffled(prompts.values()) for name, prompts in slices.items()}


def _far_apart(rows: Vectors) -> list[bool]:
    """Tell of each unit row whether no row kept before it has a cosine above _SIMILAR to it."""
    kept = np.zeros(len(rows), dtype=bool)
    # By blocks: a product for each row alone costs twenty times more where BLAS has several threads.
    for start in range(0, len(rows), _BLOCK):
        similar = rows[start : start + _BLOCK] @ rows[: start + _BLOCK].T > _SIMILAR
        for at, row in enumerate(similar, start):
            kept[at] = not (row[:at] & kept[:at]).any()
    return [bool(keep) for keep in kept]


def _shuffled(prompts: Iterable[LabelledPrompt]) -> tuple[LabelledPrompt, ...]:
    return tuple(sorted(prompts, key=lambda prompt: _point("order", prompt.text)))


def _apart(prompts: Sequence[LabelledPrompt], *, held_out: bool) -> tuple[LabelledPrompt, ...]:
    return tuple(p for p in prompts if (_point("hold-out", p.text) < _HELD_OUT_SHARE) is held_out)


def _in_proportion(prompts: Sequence[LabelledPrompt], n: int) -> tuple[LabelledPrompt, ...]:
    if n >= len(prompts):
        return tuple(prompts)
    names = sorted({prompt.slice for prompt in prompts})
    drawn: list[LabelledPrompt] = []
    for name in names:
        there = [prompt for prompt in prompts if prompt.slice == name]
        drawn += there[: n * len(there) // len(prompts)]
    return _shuffled(drawn)


def _point(purpose: str, text: str) -> float:
    """Return a number in [0, 1) that depends on the normalised text and the purpose alone."""
    digest = hashlib.sha256(f"{purpose}\0{_normalised(text)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split())
