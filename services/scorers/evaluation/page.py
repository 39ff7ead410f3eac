"""docs/scores.md from the committed figures: `python -m services.scorers.evaluation.page FIGURES PAGE`.

A section a scorer: what it measures, where it comes from, what it costs, how often it is wrong, what it can't see.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from schemas.evaluations import Estimate
from services.scorers.evaluation.committed import Committed, read_committed
from services.scorers.evaluation.results import Described, Result

COLUMNS = {
    "auc": "AUC",
    "recall_at_1_percent": "recall at 1 %",
    "recall_at_0_1_percent": "recall at 0.1 %",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "false_alarms": "false alarms",
    "calibration_error": "calibration error",
    "brier": "Brier",
}
_COSTS = {
    "cheap": "cheap: sees every call",
    "model": "a model: may be sampled",
    "remote": "remote: may be sampled, may cost money",
}
_RELATIONS = {
    "in distribution": "In distribution: the sources that it learnt from, other texts",
    "across data sets": "Across data sets: sources that it never saw",
    "yours": "Other data",
}

NOT_MEASURED = (
    "**Error rates.** Not measured: no packaged data is labelled for it, or it could not be had where these figures "
    "were made. Measure it on your own data.\n"
)
_HEAD = """# Scores

Generated from `tests/services/scorers/figures.json`; do not edit. To compute the figures again and write this page:

    driftloop scorers evaluate --figures tests/services/scorers/figures.json
    python -m services.scorers.evaluation.page tests/services/scorers/figures.json docs/scores.md

`driftloop scorers evaluate` prints the same tables, for your own data too: `--data FILE`, `--recorded APP`. A test,
`tests/services/scorers/evaluation/test_gate.py`, computes a part of the figures again and fails when one leaves its
interval.

How to read the tables. **Bad** is what a measure should find. *Recall at 1 %* is the share of bad texts found by the
threshold that flags one harmless text in a hundred; *F1*, *precision*, *recall* and *false alarms* are at the scorer's
own threshold. *Calibration error* is how far probabilities are from frequencies (15 bins), *Brier* their mean squared
error. In parentheses: 95 % intervals, Wilson's for shares, else the bootstrap's. What the examples can't tell is left
out (–): nothing is said of one false alarm in a thousand where there are not a thousand harmless texts. Quote the
figures *across data sets*: those in distribution flatter.
"""


def page_of(committed: Committed) -> str:
    """Return the page's text."""
    parts = [_HEAD, f"Measured {committed.at:%Y-%m-%d}, {committed.machine}; {committed.resamples} resamples.\n"]
    parts += ["## Overview\n", *_overview(committed)]
    for card in committed.scorers:
        parts += _section(card, [result for result in committed.published if result.scorer == card.name])
    return "\n".join([*parts, "## Data\n", *_data(committed)])


def _data(committed: Committed) -> Iterator[str]:
    yield _row(("data set", "relation", "texts", "bad", "hash", "source and licence"))
    yield _rule(6)
    for one in committed.data:
        counts = (f"{one.examples:,}", f"{one.bad:,}")
        yield _row((one.name, one.relation, *counts, f"`{one.data_hash}`", one.source or "–"))
    yield ""


def _overview(committed: Committed) -> Iterator[str]:
    yield _row(("scorer", "side", "measures", "cost", "texts/s"))
    yield _rule(5)
    for card in committed.scorers:
        speeds = [
            r.texts_per_second
            for r in committed.published
            if r.scorer == card.name and r.whole and r.texts_per_second is not None
        ]
        measures = ", ".join(f"`{measure.name}`" for measure in card.measures)
        speed = f"{sorted(speeds)[len(speeds) // 2]:,.0f}" if speeds else "–"
        yield _row((f"[{card.name}](#{card.name})", card.side, measures, card.cost, speed))
    yield ""


def _section(card: Described, results: Sequence[Result]) -> Iterator[str]:
    yield f"## {card.name}\n"
    yield f"Reads: {card.side}. Cost: {_COSTS[card.cost]}. Version of the figures: `{card.version}`.\n"
    yield _row(("measure", "unit", "direction", "labels"))
    yield _rule(4)
    for measure in card.measures:
        yield _row((f"`{measure.name}`", measure.unit, measure.direction, ", ".join(measure.labels) or "–"))
    yield f"\n**Source.** {card.source}\n"
    yield f"**Cannot see.** {card.blind_spots}\n"
    wholes = [result for result in results if result.whole]
    if not wholes:
        yield NOT_MEASURED
    for relation, title in _RELATIONS.items():
        of_relation = [result for result in wholes if result.relation == relation and not result.harmless]
        if of_relation:
            yield f"**{title}.**\n"
            yield from _table(of_relation)
    harmless = [result for result in wholes if result.harmless]
    if harmless:
        yield "**Harmless texts: false alarms.**\n"
        yield from _false_alarms(harmless)
    languages = [r for r in results if r.sliced_by == "language" and r.harmless]
    if languages:
        yield "**False alarms on harmless texts by language.**\n"
        yield from _false_alarms(languages)


def _table(results: Sequence[Result]) -> Iterator[str]:
    """Yield a table with the columns that any of the results has."""
    told = [name for name in COLUMNS if any(name in result.figures for result in results)]
    yield _row(("measure", "data set", "texts", "bad", "not judged", *(COLUMNS[name] for name in told)))
    yield _rule(5 + len(told))
    for result in results:
        counts = (f"{result.examples:,}", f"{result.bad:,}", f"{result.unjudged:,}")
        figures = (shown(result.figures.get(name)) for name in told)
        yield _row((f"`{result.measure}`", result.data_set, *counts, *figures))
    yield ""


def _false_alarms(results: Sequence[Result]) -> Iterator[str]:
    yield _row(("measure", "data set", "texts", "false alarms"))
    yield _rule(4)
    for result in results:
        name = f"{result.data_set}: {result.slice}" if result.slice else result.data_set
        alarms = share(result.figures.get("false_alarms"))
        yield _row((f"`{result.measure}`", name, f"{result.examples:,}", alarms))
    yield ""


def shown(estimate: Estimate | None) -> str:
    """Return a figure with its interval, in the digits that it deserves.

    Example:
        >>> shown(Estimate(value=0.9312, low=0.91, high=0.9501))
        '.931 (.910–.950)'
    """
    if estimate is None:
        return "–"
    return f"{short(estimate.value)} ({short(estimate.low)}–{short(estimate.high)})"


def share(estimate: Estimate | None) -> str:
    """Return a small share in percent.

    Example:
        >>> share(Estimate(value=0.0012, low=0.0005, high=0.0027))
        '0.12 % (0.05–0.27)'
    """
    if estimate is None:
        return "–"
    return f"{estimate.value:.2%} ({estimate.low * 100:.2f}–{estimate.high * 100:.2f})".replace("%", " %")


def short(value: float, digits: int = 3) -> str:
    """Return a figure without the nought before its point."""
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits}f}"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns


def main(arguments: Sequence[str]) -> int:
    """Write the page; return a status."""
    if len(arguments) != 2:
        print("usage: python -m services.scorers.evaluation.page FIGURES PAGE", file=sys.stderr)
        return 2
    figures, page = map(Path, arguments)
    page.write_text(page_of(read_committed(figures)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
