"""`driftloop scorers train`: trains the embedded heads and says how good they are."""

import json
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from schemas.settings import Settings
from services.commands.outcome import UNUSABLE, fail
from services.scorers.embedded.examples import JUDGEMENTS, Judgement
from services.scorers.embedded.store import figures
from services.scorers.heads import FitFailedError, head_file, train


def train_scorers(settings: Settings, *, again: bool, as_json: bool) -> None:
    """Train the heads into the data folder, then print their figures."""
    began = time.monotonic()
    try:
        _train(settings, again=again)
    except FitFailedError as error:
        fail(str(error), UNUSABLE)
    found = {judgement: figures(head_file(judgement, settings.data)) for judgement in JUDGEMENTS}
    if as_json:
        print(json.dumps({"seconds": round(time.monotonic() - began, 1), "heads": found}))
    else:
        Console().print(_table(found))


def _train(settings: Settings, *, again: bool) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("training", total=1.0)
        train(settings.data, lambda done, what: progress.update(task, completed=done, description=what), again=again)


def _table(found: Mapping[Judgement, dict[str, Any]]) -> Table:
    table = Table(title="Embedded heads, on the validation part of their own sources")
    for column in ("head", "data", "trained on", "threshold", "recall", "false alarms"):
        table.add_column(column)
    for judgement, figure in found.items():
        trained, validation = figure["trained_on"], figure["validation"]
        table.add_row(
            judgement,
            figure["data"],
            f"{trained['bad']:,} bad, {trained['harmless']:,} harmless",
            f"{figure['threshold']:.3f}",
            f"{validation['recall']:.1%} of {validation['bad']:,}",
            f"{validation['false_alarms']:.2%} of {validation['harmless']:,}",
        )
    return table
