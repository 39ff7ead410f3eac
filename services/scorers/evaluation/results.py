"""What an evaluation found: as values, as a file in the data folder, as events for the warehouse."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from schemas.evaluations import Estimate, Relation, ScorerEvaluated
from schemas.ids import derived_id
from services.scorers.contract import Card, CostClass, Direction, Side
from services.scorers.evaluation.examples import DataSet
from services.scorers.evaluation.slices import SlicedBy

FOLDER = "evaluations"
EVERY_APP = "*"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One measure on one data set or a slice of it; the fields are those of ScorerEvaluated."""

    scorer: str
    version: str
    measure: str
    data_set: str
    data_hash: str
    relation: Relation
    harmless: bool = False
    sliced_by: Literal[""] | SlicedBy = ""
    slice: str = ""
    examples: int = 0
    bad: int = 0
    unjudged: int = 0
    texts_per_second: float | None = None
    figures: dict[str, Estimate] = {}

    @property
    def whole(self) -> bool:
        """Whether it is of the whole data set."""
        return not self.sliced_by

    @property
    def key(self) -> tuple[str, ...]:
        """What it is of, whatever the versions."""
        return (self.scorer, self.measure, self.data_set, self.sliced_by, self.slice)


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A card as a file keeps it, for pages that are made without the scorer."""

    name: str
    version: str
    side: Side
    cost: CostClass
    source: str
    blind_spots: str
    measures: tuple["DescribedMeasure", ...]

    @classmethod
    def of(cls, card: Card) -> "Described":
        """Return a card's description."""
        return cls(
            name=card.name,
            version=card.version,
            side=card.side,
            cost=card.cost,
            source=card.source,
            blind_spots=card.blind_spots,
            measures=tuple(
                DescribedMeasure(name=one.name, unit=one.unit, direction=one.direction, labels=one.labels)
                for one in card.measures
            ),
        )


class DescribedData(msgspec.Struct, frozen=True, kw_only=True):
    """A data set as a file keeps it: all but its texts."""

    name: str
    relation: Relation
    source: str
    examples: int
    bad: int
    data_hash: str

    @classmethod
    def of(cls, data: DataSet) -> "DescribedData":
        """Return a data set's description."""
        return cls(
            name=data.name,
            relation=data.relation,
            source=data.source,
            examples=len(data.examples),
            bad=sum(example.bad for example in data.examples),
            data_hash=data.digest,
        )


class DescribedMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of a card."""

    name: str
    unit: str
    direction: Direction
    labels: tuple[str, ...] = ()


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One run.

    Attributes:
        app: Whose recorded calls were judged; "*" for other data.
        machine: What texts/s were measured on.
    """

    id: str
    at: datetime
    app: str = EVERY_APP
    machine: str = ""
    resamples: int
    seed: int
    scorers: tuple[Described, ...] = ()
    results: tuple[Result, ...] = ()


def json_of(evaluation: Evaluation) -> bytes:
    """Return the file's text."""
    return msgspec.json.format(msgspec.json.encode(evaluation)) + b"\n"


def save(evaluation: Evaluation, folder: Path) -> Path:
    """Write an evaluation below a data folder, whole or not at all, and return where."""
    target = folder / FOLDER / f"{evaluation.at:%Y%m%dT%H%M%SZ}-{evaluation.id[:8]}.json"
    write(target, json_of(evaluation))
    return target


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)


def records_of(evaluation: Evaluation) -> Iterator[ScorerEvaluated]:
    """Yield an event for each result; their ids follow from the run's, so a second telling changes nothing."""
    for result in evaluation.results:
        yield ScorerEvaluated(
            event_id=derived_id("scorer-evaluated", evaluation.id, *result.key),
            occurred_at=evaluation.at,
            app=evaluation.app,
            evaluation_id=evaluation.id,
            **msgspec.structs.asdict(result),
        )


def described(cards: Iterable[Card]) -> tuple[Described, ...]:
    """Return the descriptions of cards."""
    return tuple(Described.of(card) for card in cards)
