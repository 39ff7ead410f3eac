"""The figures that stand in the repository: what docs/scores.md quotes, and what the regression gate holds fast.

Published figures are of whole data sets. The gate's are of some hundred examples of each, chosen by hash and half of
them bad where there are so many, so that a test can compute them again in seconds: the same scorer on the same
examples gives the same figures, and a changed one may move them within their intervals.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from schemas.evaluations import Estimate
from schemas.scoring import ScorerEntry
from services.scorers.catalogue import CATALOGUE, offer_of
from services.scorers.contract import Card, Scorer
from services.scorers.evaluation.evaluation import Detail, evaluate
from services.scorers.evaluation.examples import DataSet
from services.scorers.evaluation.results import Described, DescribedData, Result, described, write
from services.scorers.workshop import Workshop

GATE_EXAMPLES = 240
SLACK = 0.002
"""Sums in another order, on another machine, may move a figure that has no interval of its own, like an AUC of 1."""

_DIGITS = 4
_UNSLICED = Detail(slices=False)


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """Content of the file.

    Attributes:
        gate_examples: How many of each data set the gate's figures are of, at most.
        scorers: Every one there is, those that could not be judged here too.
        gate: Of cheap scorers alone.
    """

    at: datetime
    machine: str
    resamples: int
    seed: int
    gate_examples: int
    scorers: tuple[Described, ...]
    data: tuple[DescribedData, ...]
    published: tuple[Result, ...]
    gate: tuple[Result, ...]


def read_committed(path: Path) -> Committed:
    """Return the figures in a file.

    Raises:
        OSError: No file.
        msgspec.DecodeError: Not such a file.
    """
    return msgspec.json.decode(path.read_bytes(), type=Committed)


def write_committed(committed: Committed, path: Path) -> None:
    """Write the file, rounded to four digits, a line a result, so that a change shows where it is."""
    tree = msgspec.json.decode(msgspec.json.encode(_rounded(committed)))
    lines = [msgspec.json.encode(name).decode() + ": " + _laid_out(value) for name, value in tree.items()]
    write(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def compute(
    scorers: Iterable[Scorer], cards: Iterable[Card], sets: Sequence[DataSet], *, at: datetime, machine: str
) -> Committed:
    """Return the figures of scorers on data sets: all there is to publish, and a subset for the gate.

    Args:
        scorers: Those that can be had.
        cards: Of every scorer there is.
        sets: Data to judge on.
        at: When.
        machine: On what.
    """
    detail = Detail()
    published: list[Result] = []
    gate: list[Result] = []
    for scorer in scorers:
        for data in sets:
            found = evaluate(scorer, data, detail=detail)
            published.extend(result for result in found if result.whole or _told(result))
        if scorer.card.cost == "cheap":
            gate.extend(gate_results(scorer, sets, most=GATE_EXAMPLES))
    return Committed(
        at=at,
        machine=machine,
        resamples=detail.resamples,
        seed=detail.seed,
        gate_examples=GATE_EXAMPLES,
        scorers=described(cards),
        data=tuple(map(DescribedData.of, sets)),
        published=tuple(published),
        gate=tuple(gate),
    )


def catalogued_cards(workshop: Workshop) -> list[Card]:
    """Return the card of every scorer of the product; none is loaded."""
    return [offer_of(ScorerEntry(name=listing.name), workshop).card for listing in CATALOGUE]


def gate_results(scorer: Scorer, sets: Iterable[DataSet], *, most: int) -> Iterator[Result]:
    """Yield a scorer's results on the gate's part of each data set; without speeds, which are the machine's."""
    for data in sets:
        for result in evaluate(scorer, data.thinned(most, even=True), detail=_UNSLICED):
            yield msgspec.structs.replace(result, texts_per_second=None)


def _told(part: Result) -> bool:
    """Whether the page tells a slice: harmless texts by language."""
    return part.harmless and part.sliced_by == "language"


def breaches(committed: Iterable[Result], found: Iterable[Result]) -> list[str]:
    """Return a line for each committed figure that is not found, or that has left its interval."""
    at_hand = {result.key: result for result in found}
    return [line for result in committed for line in _breaches(result, at_hand.get(result.key))]


def _breaches(committed: Result, found: Result | None) -> Iterator[str]:
    name = f"{committed.scorer}: {committed.measure} on {committed.data_set}"
    if found is None:
        yield f"{name}: is computed no more"
        return
    for figure, held in committed.figures.items():
        now = found.figures.get(figure)
        if now is None:
            yield f"{name}: {figure} is computed no more"
        elif not held.holds(now.value, SLACK):
            yield f"{name}: {figure} is {now.value:.3f}, outside {held.low:.3f} to {held.high:.3f}"


def _rounded(committed: Committed) -> Committed:
    def rounded(result: Result) -> Result:
        figures = {
            name: Estimate(value=round(e.value, _DIGITS), low=round(e.low, _DIGITS), high=round(e.high, _DIGITS))
            for name, e in result.figures.items()
        }
        speed = result.texts_per_second
        return msgspec.structs.replace(
            result, figures=figures, texts_per_second=None if speed is None else float(f"{speed:.2g}")
        )

    return msgspec.structs.replace(
        committed,
        published=tuple(map(rounded, committed.published)),
        gate=tuple(map(rounded, committed.gate)),
    )


def _laid_out(value: object) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"  {msgspec.json.encode(one).decode()}" for one in value) + "\n]"
    return msgspec.json.encode(value).decode()
