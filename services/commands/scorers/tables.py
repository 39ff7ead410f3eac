"""How an evaluation is told to a person: a table for each kind of data, then slices, then who could not judge."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from schemas.evaluations import Estimate
from services.scorers.evaluation.page import COLUMNS, short
from services.scorers.evaluation.results import Evaluation, Result

_TITLES = {
    "in distribution": "In distribution: sources that the scorer learnt from, other texts",
    "across data sets": "Across data sets: sources that the scorer never saw (quote these)",
    "yours": "Your data",
}
_SLICE_FIGURES = ("auc", "recall_at_1_percent", "recall", "false_alarms")
MOST_SLICES = 60


def draw(evaluation: Evaluation, console: Console) -> None:
    """Print everything that was found, the figures above their 95 % intervals."""
    wholes = [result for result in evaluation.results if result.whole]
    for relation, title in _TITLES.items():
        rows = [result for result in wholes if result.relation == relation and not result.harmless]
        if rows:
            console.print(_figures(title, rows, tuple(COLUMNS)))
    if harmless := [result for result in wholes if result.harmless]:
        console.print(_false_alarms(harmless))
    if slices := [result for result in evaluation.results if not result.whole]:
        console.print(_slices(slices[:MOST_SLICES]))
        if len(slices) > MOST_SLICES:
            console.print(f"{len(slices) - MOST_SLICES} more slices: --json FILE has them", soft_wrap=True)
    for result in wholes:
        if result.unjudged:
            line = f"{result.scorer} could not judge {result.unjudged} of {result.data_set}: they are in no figure"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    note = f"95 % intervals: Wilson's for shares, else {evaluation.resamples} resamples, seed {evaluation.seed}. "
    console.print(f"{note}Speed on {evaluation.machine}.", highlight=False, soft_wrap=True)


def _figures(title: str, results: Sequence[Result], figures: Sequence[str]) -> Table:
    told = [name for name in figures if any(name in result.figures for result in results)]
    table = _table(title, ("measure", "data set"), ("texts", "bad", *(COLUMNS[name] for name in told), "texts/s"))
    for result in results:
        cells = [shown(result.figures.get(name)) for name in told]
        speed = "–" if result.texts_per_second is None else f"{result.texts_per_second:,.0f}"
        table.add_row(_name(result), result.data_set, str(result.examples), str(result.bad), *cells, speed)
    return table


def _false_alarms(results: Sequence[Result]) -> Table:
    title = "Harmless texts, everyday talk among them: false alarms at the scorer's own threshold"
    table = _table(title, ("measure", "data set"), ("texts", "alarms", "false alarms", "95 % interval", "texts/s"))
    for result in results:
        estimate = result.figures.get("false_alarms")
        told = ("–", "–", "–")
        if estimate is not None:
            alarms = round(estimate.value * result.examples)
            told = (str(alarms), f"{estimate.value:.2%}", f"{estimate.low:.2%} to {estimate.high:.2%}")
        speed = "–" if result.texts_per_second is None else f"{result.texts_per_second:,.0f}"
        table.add_row(_name(result), result.data_set, str(result.examples), *told, speed)
    return table


def _slices(results: Sequence[Result]) -> Table:
    told = [name for name in _SLICE_FIGURES if any(name in result.figures for result in results)]
    numbers = ("texts", "bad", *(COLUMNS[name] for name in told))
    table = _table("Slices", ("measure", "data set", "by", "slice"), numbers)
    for result in results:
        cells = [shown(result.figures.get(name)) for name in told]
        names = (_name(result), result.data_set, result.sliced_by, result.slice)
        table.add_row(*names, str(result.examples), str(result.bad), *cells)
    return table


def _table(title: str, names: Iterable[str], numbers: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", show_lines=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for number in numbers:
        table.add_column(number, justify="right")
    return table


def _name(result: Result) -> str:
    return f"{result.scorer}\n{result.measure}"


def shown(estimate: Estimate | None) -> str:
    """Return a figure above its interval.

    Example:
        >>> shown(Estimate(value=0.9312, low=0.91, high=0.9501))
        '.931\\n.91–.95'
    """
    if estimate is None:
        return "–"
    # Of a small share the third digit is the one that tells.
    digits = 3 if estimate.high < 0.1 else 2
    return f"{short(estimate.value)}\n{short(estimate.low, digits)}–{short(estimate.high, digits)}"
