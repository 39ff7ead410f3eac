"""Runs `driftloop scorers evaluate`.

Order of effects: 1. the data is read, 2. each scorer is loaded, judges and is let go, 3. tables are printed,
4. files are written, 5. the events are sent, if the broker answers.
"""

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from schemas.codec import to_unix_ms
from schemas.durations import parse_duration
from schemas.ids import time_ordered_id
from schemas.scoring import score_metrics
from schemas.settings import Settings
from services.clients.bus.errors import BusError
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import Warehouse, WarehouseError
from services.commands.outcome import UNUSABLE, WRONG, fail
from services.commands.scorers.chosen import chosen_entries, configured, workshop_of
from services.commands.scorers.tables import draw
from services.scorers.catalogue import load, offer_of
from services.scorers.contract import Card, Scorer
from services.scorers.evaluation.bootstrap import RESAMPLES, SEED
from services.scorers.evaluation.committed import catalogued_cards, compute, write_committed
from services.scorers.evaluation.evaluation import evaluate
from services.scorers.evaluation.examples import DataSet
from services.scorers.evaluation.packaged import packaged_sets
from services.scorers.evaluation.reading import Columns, Unreadable, read_data_set
from services.scorers.evaluation.recorded import recorded_data_set
from services.scorers.evaluation.results import (
    EVERY_APP,
    Evaluation,
    Result,
    described,
    json_of,
    records_of,
    save,
    write,
)
from services.scorers.offers import ScorerUnavailable

FLUSH_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for; empty where it asks for nothing.

    Attributes:
        packaged: Parts of names of packaged sets.
        at_most: Examples of each set; 0 for all.
    """

    data: Path | None = None
    recorded: str = ""
    since: str = "30d"
    scorers: tuple[str, ...] = ()
    measures: frozenset[str] = frozenset()
    packaged: tuple[str, ...] = ()
    columns: Columns = field(default_factory=Columns)
    at_most: int = 0
    json_path: Path | None = None
    store: bool = True
    figures: Path | None = None


def run_evaluation(settings: Settings, wanted: Wanted) -> None:
    """Evaluate, print, keep; what can't be done ends the command with one line."""
    if wanted.data and wanted.recorded:
        fail("--data or --recorded, not both", UNUSABLE)
    sets = _sets(settings, wanted)  # 1
    scorers = _loaded(settings, wanted, sets)
    now = datetime.now(UTC)
    if wanted.figures is not None:
        _commit(scorers, catalogued_cards(workshop_of(settings)), sets, now, wanted.figures)
        return
    cards, results = _evaluated(settings, scorers, sets, wanted.measures)  # 2
    if not results:
        told = ", ".join(data.name for data in sets)
        names = ", ".join(card.name for card in cards) or "no scorer"
        fail(f"nothing was judged: {names} could say anything of what the labels of {told} tell", WRONG)
    evaluation = Evaluation(
        id=time_ordered_id(to_unix_ms(now), os.urandom(10)),
        at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        app=wanted.recorded or EVERY_APP,
        machine=machine(),
        resamples=RESAMPLES,
        seed=SEED,
        scorers=described(cards),
        results=tuple(results),
    )
    draw(evaluation, Console())  # 3
    if wanted.json_path is not None:
        _written(wanted.json_path, json_of(evaluation))  # 4
    if wanted.store:
        print(f"kept: {save(evaluation, settings.data)}")
        _send(settings, evaluation)  # 5


def machine() -> str:
    """Return what texts/s were measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _loaded(settings: Settings, wanted: Wanted, sets: Sequence[DataSet]) -> Iterator[Scorer]:
    """Yield the scorers of which the labels say something, one after the other.

    One that is not there is told, and missed only if it was asked for.
    """
    workshop = workshop_of(settings)
    for entry in chosen_entries(settings, wanted.scorers, wanted.recorded):
        try:
            if any(data.judged_measures(offer_of(entry, workshop).card) for data in sets):
                yield load(entry, workshop)
        except ScorerUnavailable as error:
            if wanted.scorers:
                fail(str(error), UNUSABLE)
            print(f"driftloop: left out: {error}", file=sys.stderr)


def _sets(settings: Settings, wanted: Wanted) -> list[DataSet]:
    try:
        sets = list(_found(settings, wanted))
    except Unreadable as error:
        fail(str(error), WRONG)
    except (WarehouseError, ValueError) as error:
        fail(str(error).splitlines()[0], UNUSABLE)
    if not sets:
        fail(f"no packaged set is called {' or '.join(wanted.packaged)}", UNUSABLE)
    return [data.thinned(wanted.at_most) for data in sets] if wanted.at_most > 0 else sets


def _found(settings: Settings, wanted: Wanted) -> Iterator[DataSet]:
    if wanted.data is not None:
        yield read_data_set(wanted.data, wanted.columns)
    elif wanted.recorded:
        since = datetime.now(UTC) - parse_duration(wanted.since)
        with Warehouse.connect(settings) as warehouse:
            yield recorded_data_set(warehouse, wanted.recorded, since=since, positive=wanted.columns.positive)
    else:
        for data in packaged_sets():
            if not wanted.packaged or any(part.lower() in data.name.lower() for part in wanted.packaged):
                yield data


def _evaluated(
    settings: Settings, scorers: Iterable[Scorer], sets: Sequence[DataSet], only: frozenset[str]
) -> tuple[list[Card], list[Result]]:
    cards: list[Card] = []
    results: list[Result] = []
    flagging = {metric.score: metric.label for metric in score_metrics(configured(settings)).values() if metric.label}
    with _progress() as progress:
        for scorer in scorers:
            cards.append(scorer.card)
            judged = [data for data in sets if data.judged_measures(scorer.card)]
            task = progress.add_task(scorer.card.name, total=sum(len(data.examples) for data in judged))
            for data in judged:
                advance = partial(progress.advance, task)
                results += evaluate(scorer, data, only=only, flagging=flagging, advance=advance)
    return cards, results


def _progress() -> Progress:
    """Return a bar on standard error, so that tables can be piped; none where nobody watches."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _commit(
    scorers: Iterable[Scorer], cards: Iterable[Card], sets: Sequence[DataSet], at: datetime, path: Path
) -> None:
    committed = compute(scorers, cards, sets, at=at.replace(microsecond=0), machine=machine())
    write_committed(committed, path)
    print(f"{len(committed.published)} figures to publish, {len(committed.gate)} for the gate: {path}")


def _written(path: Path, content: bytes) -> None:
    try:
        write(path, content)
    except OSError as error:
        fail(f"{path}: {error.strerror}", UNUSABLE)


def _send(settings: Settings, evaluation: Evaluation) -> None:
    """Send the events; without a broker the file is all there is, and a line says so."""
    producer = Producer(settings, "driftloop-scorers")
    try:
        for record in records_of(evaluation):
            producer.send(record)
        producer.flush(FLUSH_S)
    except BusError as error:
        print(f"driftloop: not in the warehouse, only in the file: {error}", file=sys.stderr)
    finally:
        producer.close()
