"""What a job learns from: labels of an app that classifies, judged calls of one that writes; how each is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from schemas.configuration import App
from schemas.training_policy import Training
from services.clients.warehouse.client import Warehouse
from training.data.curation import Tools, curate
from training.data.dataset import Dataset, LabelledRow
from training.data.judged_traffic import calls_by_id, judged_calls, undisputed_calls
from training.data.judgements import compared
from training.data.traffic import labelled_rows
from training.data.writing.curation import Judged, curate_calls, usable

_ROWS_FOR_ONE = 4
Material = TypeVar("Material")


@dataclass(frozen=True, slots=True)
class Source(Generic[Material]):
    """One kind of material.

    Attributes:
        noun: What is counted against the policy's min_rows.
        read: What the warehouse has of a span [since, until).
        count: How many usable examples that is, before curation.
        join: Recent and earlier material together.
        curate: A dataset of it, given from when it is recent.
    """

    noun: str
    read: Callable[[Warehouse, datetime, datetime], Material]
    count: Callable[[Material], int]
    join: Callable[[Material, Material], Material]
    curate: Callable[[Material, datetime, Tools], Dataset]


def labels(app: App, policy: Training) -> Source[Sequence[LabelledRow]]:
    """Return the source of an app that classifies."""
    limit = _ROWS_FOR_ONE * policy.max_rows

    def read(warehouse: Warehouse, since: datetime, until: datetime) -> Sequence[LabelledRow]:
        return labelled_rows(warehouse, app.name, since=since, until=until, limit=limit)

    def curated(rows: Sequence[LabelledRow], since: datetime, tools: Tools) -> Dataset:
        return curate(rows, policy, labels=app.labels, recent_since=since, tools=tools, trusts=app.trusts)

    return Source("labelled rows", read, len, lambda recent, earlier: [*recent, *earlier], curated)


def calls(app: App, policy: Training) -> Source[Judged]:
    """Return the source of an app that writes, extracts or calls tools."""
    limit = _ROWS_FOR_ONE * policy.max_rows

    def read(warehouse: Warehouse, since: datetime, until: datetime) -> Judged:
        found = list(judged_calls(warehouse, app.name, since=since, until=until, limit=limit))
        others = calls_by_id(warehouse, app.name, compared(found))
        if policy.undisputed == "wanted":
            found += undisputed_calls(warehouse, app.name, since=since, until=until, limit=policy.max_rows)
        return Judged(found, others)

    return Source(
        "usable examples",
        read,
        lambda judged: usable(judged, app, policy),
        lambda recent, earlier: Judged([*recent.calls, *earlier.calls], {**recent.others, **earlier.others}),
        lambda judged, since, tools: curate_calls(judged, app, policy, recent_since=since, tools=tools),
    )
