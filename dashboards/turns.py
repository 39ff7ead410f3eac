"""Where the labels of turning points stand on the accuracy chart, so that none covers another. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboards.steps import Step, Tone
from dashboards.timeline import Chain

WIDTH_PX = 1180.0
CHARACTER_PX = 6.4
GAP_PX = 12.0
LANES = 6


@dataclass(frozen=True, slots=True)
class Turn:
    """A labelled moment; lane 0 is the top one."""

    at: datetime
    label: str
    tone: Tone
    lane: int


def turning_points(chains: Iterable[Chain], since: datetime, until: datetime) -> list[Step]:
    """Return the steps that the chart names, in order of time, each moment's label once."""
    steps = (step for chain in chains for step in chain.steps if step.turn and since <= step.at <= until)
    named = {(step.at, step.turn): step for step in steps}
    return sorted(named.values(), key=lambda step: step.at)


def placed(steps: Sequence[Step], since: datetime, until: datetime) -> tuple[list[Turn], datetime]:
    """Return the labels with their lanes, and the end of the time axis that has room for the last of them.

    A label stands to the right of its moment, below every earlier label that reaches that far: then
    no label covers another, and no moment's line, which runs down from its label, crosses one.
    """
    px = WIDTH_PX / max((until - since).total_seconds(), 1.0)
    turns: list[Turn] = []
    ends: list[tuple[float, int]] = []
    for step in steps:
        left = (step.at - since).total_seconds() * px
        lane = min(max((lane + 1 for end, lane in ends if end > left), default=0), LANES - 1)
        ends.append((left + len(step.turn) * CHARACTER_PX + GAP_PX, lane))
        turns.append(Turn(step.at, step.turn, step.tone, lane))
    last = max((end for end, _ in ends), default=0.0)
    return turns, max(until, since + timedelta(seconds=last / px))


def troubles(chains: Iterable[Chain], since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Return the spans from a breach to its fix within a time; one without a fix yet reaches to the end."""
    found = []
    for chain in chains:
        after = chain.outcome.fixed_after
        if after is not None:
            found.append((max(chain.origin, since), min(chain.origin + after, until)))
        elif chain.outcome.open and any(step.tone == "breach" for step in chain.steps):
            found.append((max(chain.origin, since), until))
    return [(start, end) for start, end in found if start < end]
