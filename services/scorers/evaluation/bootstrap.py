"""Intervals of figures. Shares have Wilson's, the rest the bootstrap's (Efron 1979): percentiles over resamples.

Examples are drawn with replacement among the good and among the bad ones apart, so each resample has as many of
either as the sample. A resample is a row of weights, how often each example was drawn, and every figure is
computed for all rows at once.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from schemas.evaluations import Estimate
from schemas.proportions import wilson_interval
from services.scorers.evaluation.metrics import BINS, FALSE_ALARM_RATES, Flags, Numbers, Sample, bins_of, figures_of

RESAMPLES = 1_000
SEED = 7
CELLS = 4_000_000
"""Weights held at once: 32 MB."""

_EDGES = (2.5, 97.5)

Weights = npt.NDArray[np.float64]


def estimates_of(sample: Sample, *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Estimate]:
    """Return the figures that a sample tells, each with its 95 % interval; the same for the same seed."""
    values = figures_of(sample)
    shares = _share_intervals(sample)
    drawn = resampled(sample, resamples=resamples, seed=seed) if values.keys() - shares.keys() else {}
    found = {}
    for name, value in values.items():
        low, high = shares[name] if name in shares else np.percentile(drawn[name], _EDGES)
        # Percentiles of a lopsided distribution may leave out the figure itself.
        found[name] = Estimate(value=value, low=min(float(low), value), high=max(float(high), value))
    return found


def _share_intervals(sample: Sample) -> dict[str, tuple[float, float]]:
    if sample.flagged is None:
        return {}
    bad, flagged = int(sample.bad.sum()), int(sample.flagged.sum())
    found = int((sample.flagged & sample.bad).sum())
    return {
        "recall": wilson_interval(found, bad),
        "false_alarms": wilson_interval(flagged - found, len(sample.bad) - bad),
        "precision": wilson_interval(found, flagged),
    }


def resampled(sample: Sample, *, resamples: int, seed: int) -> dict[str, Numbers]:
    """Return every figure of each resample, (resamples,), of a sample that has good and bad examples."""
    parts = [weighted_figures(sample, weights) for weights in draws(sample.bad, resamples=resamples, seed=seed)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def draws(bad: Flags, *, resamples: int, seed: int) -> Iterator[Weights]:
    """Yield the weights of resamples, (some, examples), as many rows at once as fit CELLS."""
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(bad), np.flatnonzero(~bad)]
    rows = max(1, CELLS // len(bad))
    for first in range(0, resamples, rows):
        some = min(rows, resamples - first)
        weights = np.zeros((some, len(bad)))
        for members in classes:
            if size := len(members):
                picks = rng.integers(0, size, (some, size)) + size * np.arange(some)[:, None]
                weights[:, members] = np.bincount(picks.ravel(), minlength=some * size).reshape(some, size)
        yield weights


def weighted_figures(sample: Sample, weights: Weights) -> dict[str, Numbers]:
    """Return every figure for each row of weights, (rows,), of a sample that has good and bad examples."""
    found = _by_rank(sample, weights)
    if sample.flagged is not None:
        hits = weights @ (sample.flagged & sample.bad)
        wrong = weights @ (sample.flagged ^ sample.bad)
        found["f1"] = 2 * hits / np.maximum(2 * hits + wrong, 1)
    if sample.probability is not None:
        gaps = sample.probability - sample.bad
        placed = np.zeros((len(gaps), BINS))
        placed[np.arange(len(gaps)), bins_of(sample.probability)] = gaps
        sizes = weights.sum(axis=1)
        found["calibration_error"] = np.abs(weights @ placed).sum(axis=1) / sizes
        found["brier"] = weights @ (gaps * gaps) / sizes
    return found


def _by_rank(sample: Sample, weights: Weights) -> dict[str, Numbers]:
    """Return the figures of the ROC curve, whose points are the ends of runs of equal risk, riskiest first."""
    order = np.argsort(-sample.risk, kind="stable")
    risk, bad = sample.risk[order], sample.bad[order]
    ends = np.flatnonzero(np.append(risk[1:] != risk[:-1], True))
    ranked = weights[:, order]
    found = _shares(np.cumsum(ranked * bad, axis=1)[:, ends])
    alarms = _shares(np.cumsum(ranked * ~bad, axis=1)[:, ends])
    steps = np.diff(alarms, axis=1, prepend=0.0)
    before = np.concatenate([np.zeros((len(weights), 1)), found[:, :-1]], axis=1)
    figures = {"auc": (steps * (found + before)).sum(axis=1) / 2}
    reached = np.concatenate([np.zeros((len(weights), 1)), found], axis=1)
    for name, rate in FALSE_ALARM_RATES.items():
        allowed = (alarms <= rate + 1e-12).sum(axis=1)
        figures[name] = reached[np.arange(len(weights)), allowed]
    return figures


def _shares(counts: Numbers) -> Numbers:
    return np.asarray(counts / counts[:, -1:])
