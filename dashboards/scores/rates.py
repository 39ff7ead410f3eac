"""From sums to what the Safety and Quality pages show: rates with intervals, and which score belongs where. Pure."""

from collections.abc import Hashable, Iterable, Sequence

import pandas as pd

from schemas.metrics import SCORES, UNSAFE
from schemas.weighted_rates import WeightedRate, WeightedSums, hajek

_PRIVATE = ("pii", "secrets", "personal-data")
_GOOD = frozenset({"safe", "passed", "ok", "valid", "compliance"})


def is_safety(name: str, labels: Iterable[str]) -> bool:
    """Return whether a score is one of the Safety page: it says unsafe, or counts what is private.

    Example:
        >>> is_safety("prompt.own", ["safe", "unsafe"]), is_safety("response.pii", []), is_safety("pair.relevance", [])
        (True, True, False)
    """
    known = SCORES.get(name)
    what = name.partition(".")[2]
    return UNSAFE in set(labels) or (known is not None and known.flagged == UNSAFE) or what.startswith(_PRIVATE)


def flagged_label(name: str, labels: Sequence[str]) -> str:
    """Return the label whose share is told: the catalogue's, else unsafe, else the one that is no word of praise.

    Example:
        >>> flagged_label("prompt.injection", ["safe"]), flagged_label("response.tone", ["ok", "rude"])
        ('unsafe', 'rude')
    """
    known = SCORES.get(name)
    if known is not None and known.flagged:
        return known.flagged
    if UNSAFE in labels:
        return UNSAFE
    return next((label for label in sorted(labels) if label and label not in _GOOD), "")


def rates(frame: pd.DataFrame, keys: Sequence[str], flagged: str) -> pd.DataFrame:
    """Return, for each value of the keys, the weighted mean, the share of a label and its interval.

    Args:
        frame: Rows of the keys and a label, with the sums that dashboards.scores.reader reads.
        keys: Columns to keep apart.
        flagged: The label; where it is empty there are no shares.
    """
    rows = []
    for values, group in frame.groupby(list(keys), sort=True):
        sums = WeightedSums.together(_sums(row, flagged) for row in group.to_dict("records"))
        rate = hajek(sums) if flagged else None
        shown = dict(zip(keys, values, strict=True))
        rows.append({**shown, "count": sums.count, "mean": group["total"].sum() / sums.weight, **_told(rate)})
    figures = ["mean", "rate", "low", "high", "effective"]
    return pd.DataFrame(rows, columns=[*keys, "count", *figures]).astype(dict.fromkeys(figures, float))


def _sums(row: dict[Hashable, object], flagged: str) -> WeightedSums:
    sums = WeightedSums(int(str(row["count"])), 0, float(str(row["weight"])), float(str(row["weight_squared"])))
    if row["label"] == flagged:
        sums.hits, sums.hit_weight, sums.hit_weight_squared = sums.count, sums.weight, sums.weight_squared
    return sums


def _told(rate: WeightedRate | None) -> dict[str, float | None]:
    if rate is None:
        return {"rate": None, "low": None, "high": None, "effective": None}
    return {"rate": rate.rate, "low": rate.low, "high": rate.high, "effective": rate.effective_count}


def percent(ratio: float) -> str:
    """Return a share in percent, exact enough for a rare one.

    Example:
        >>> percent(0.1234), percent(0.00047), percent(0.0)
        ('12.3\xa0%', '0.047\xa0%', '0\xa0%')
    """
    value = 100 * ratio
    text = f"{value:.1f}" if value >= 1 else f"{value:.2g}"
    return f"{text}\u00a0%"
