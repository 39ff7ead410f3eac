"""Where a scorer's version changed, and what that does to a score: marks on the score's course. Pure."""

from collections.abc import Collection, Iterable

import msgspec
import pandas as pd

from schemas.evaluations import MeasureShift

_SHOWN = 8


def changes_of(name: str, frame: pd.DataFrame, scorers: Iterable[str]) -> pd.DataFrame:
    """Return (at, label, told) for each change of the scorers that gave a score.

    Args:
        name: The score's.
        frame: Changes as dashboards.scores.reader reads them.
        scorers: Name and version of whoever gave the score.
    """
    known = {scorer.partition("@")[0] for scorer in scorers}
    rows = [
        {
            "at": row["at"],
            "label": f"{row['scorer']} {_short(row['previous_version'])} → {_short(row['version'])}",
            "told": _told(name, msgspec.json.decode(row["measures"], type=tuple[MeasureShift, ...])),
        }
        for row in frame.to_dict("records")
        if row["scorer"] in known
    ]
    return pd.DataFrame(rows, columns=["at", "label", "told"])


def _told(name: str, measures: Collection[MeasureShift]) -> str:
    """Return what the new version changes on the fixed texts.

    Example:
        >>> _told("prompt.harm", [])
        'not compared: the version before left no scores of the fixed texts'
    """
    shift = next((measure for measure in measures if measure.name == name), None)
    if shift is None:
        return "not compared: the version before left no scores of the fixed texts"
    labels = f", {shift.labels_changed:.0%} of the labels changed" if shift.labels_changed else ""
    return f"mean {shift.mean_shift:+.3g} on {shift.judged} fixed texts{labels}"


def _short(version: str) -> str:
    """Return a version as it fits beside another: versions are hashes often.

    Example:
        >>> _short("2"), _short("5cec250c05c9")
        ('2', '5cec250c…')
    """
    return version if len(version) <= _SHOWN else f"{version[:_SHOWN]}…"
