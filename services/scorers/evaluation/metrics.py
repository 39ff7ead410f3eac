"""Figures of a measure on labelled examples. What scikit-learn has is scikit-learn's.

`risk` grows with badness, whatever the measure's own direction. Figures that the examples don't tell are left
out: without bad examples there is no recall, and with 200 good ones nothing can be said of one false alarm in
a thousand.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import brier_score_loss, f1_score, precision_score, recall_score, roc_auc_score, roc_curve

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

FALSE_ALARM_RATES: Final = {"recall_at_1_percent": 0.01, "recall_at_0_1_percent": 0.001}
FIGURES: Final = (
    "auc",
    "f1",
    "precision",
    "recall",
    "false_alarms",
    *FALSE_ALARM_RATES,
    "calibration_error",
    "brier",
)
BINS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What a measure said of examples that are labelled. All arrays have one entry an example.

    Attributes:
        risk: The score, turned so that more is worse.
        flagged: Whether the scorer called it bad at its own threshold; None where the measure has no labels.
        probability: Of being bad; None where the measure is no probability.
    """

    bad: Flags
    risk: Numbers
    flagged: Flags | None = None
    probability: Numbers | None = None

    def __post_init__(self) -> None:
        for other in (self.risk, self.flagged, self.probability):
            if other is not None and len(other) != len(self.bad):
                raise ValueError(f"{len(self.bad)} labels, {len(other)} scores")

    def part(self, chosen: npt.NDArray[np.intp]) -> "Sample":
        """Return the examples at some places."""
        return Sample(
            self.bad[chosen],
            self.risk[chosen],
            None if self.flagged is None else self.flagged[chosen],
            None if self.probability is None else self.probability[chosen],
        )


def figures_of(sample: Sample) -> dict[str, float]:
    """Return the figures that a sample tells, in the order of FIGURES."""
    found: dict[str, float] = {}
    bad = int(sample.bad.sum())
    good = len(sample.bad) - bad
    if sample.flagged is not None:
        found |= _at_threshold(sample.bad, sample.flagged)
    if bad and good:
        found["auc"] = float(roc_auc_score(sample.bad, sample.risk))
        found |= {name: recall_at(sample, rate) for name, rate in FALSE_ALARM_RATES.items() if good * rate >= 1}
        if sample.probability is not None:
            found["calibration_error"] = calibration_error(sample.bad, sample.probability)
            found["brier"] = float(brier_score_loss(sample.bad, sample.probability))
    return {name: found[name] for name in FIGURES if name in found}


def _at_threshold(bad: Flags, flagged: Flags) -> dict[str, float]:
    found: dict[str, float] = {}
    if not bad.all():
        found["false_alarms"] = float(flagged[~bad].mean())
    if bad.any():
        found["recall"] = float(recall_score(bad, flagged))
        if not bad.all():
            found["f1"] = float(f1_score(bad, flagged))
            if flagged.any():
                found["precision"] = float(precision_score(bad, flagged))
    return found


def recall_at(sample: Sample, rate: float) -> float:
    """Return the greatest share of bad examples found by a threshold that flags at most `rate` of the good ones."""
    false_alarms, found, _ = roc_curve(sample.bad, sample.risk, drop_intermediate=False)
    return float(found[false_alarms <= rate + 1e-12].max())


def bins_of(probability: Numbers) -> npt.NDArray[np.intp]:
    """Return each probability's bin, of BINS equal ones."""
    return np.minimum((probability * BINS).astype(np.intp), BINS - 1)


def calibration_error(bad: Flags, probability: Numbers) -> float:
    """Return the expected calibration error (Naeini et al. 2015) over BINS equal bins.

    The mean over examples of how far the mean probability of their bin is from its share of bad ones.
    """
    bins = bins_of(probability)
    gaps = np.bincount(bins, probability - bad, minlength=BINS)
    return float(np.abs(gaps).sum() / len(bad))
