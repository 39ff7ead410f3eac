"""The gate explains itself: one HTML file for a person who has to say yes or no."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, StrictUndefined

from schemas.learning import GateReport
from training.judging.report_page import PAGE

MOST_SHOWN = 10
_LONGEST = 600
_MEANINGS = {
    "safety": "harmful prompts answered, share",
    "over-refusal": "harmless look-alikes refused, share",
    "length": "tokens an answer",
    "latency": "seconds an answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A held-out prompt that a person may see.

    Attributes:
        gain: What the candidate's answer is worth more than the incumbent's.
    """

    prompt: str
    wanted: str
    candidate: str
    incumbent: str
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What the page is about.

    Attributes:
        served: The incumbent; empty means the base model.
        waits: Whether a person has to approve a version that passed.
        texts: Whether the app's policy lets texts be shown.
    """

    app: str
    version: str
    served: str
    at: datetime
    waits: bool
    texts: bool


def page_of(report: GateReport, heading: Heading, shown: Sequence[Shown], mask: Callable[[str], str]) -> str:
    """Return the page. At most MOST_SHOWN prompts won and lost stand on it, masked; none where texts are not kept."""
    visible = shown if heading.texts else ()
    won = sorted((row for row in visible if row.gain > 0), key=lambda row: -row.gain)[:MOST_SHOWN]
    lost = sorted((row for row in visible if row.gain < 0), key=lambda row: row.gain)[:MOST_SHOWN]
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(PAGE).render(
        report=report,
        verdict=_word(report.passed),
        version=heading.version,
        served=heading.served or "base model",
        app=heading.app,
        at=f"{heading.at:%Y-%m-%d %H:%M}",
        metric=report.metric.replace("_", " "),
        waits=heading.waits and report.passed,
        meanings=_MEANINGS,
        word=_word,
        won=[_cut(row, mask) for row in won],
        lost=[_cut(row, mask) for row in lost],
        none_shown="None." if heading.texts else "The app's privacy policy keeps no texts, so none are shown.",
    )


def _word(passed: bool) -> str:
    return "passed" if passed else "refused"


def _cut(row: Shown, mask: Callable[[str], str]) -> Shown:
    prompt, wanted, candidate, incumbent = (
        mask(text)[:_LONGEST] for text in (row.prompt, row.wanted, row.candidate, row.incumbent)
    )
    return Shown(prompt=prompt, wanted=wanted, candidate=candidate, incumbent=incumbent, gain=row.gain)
