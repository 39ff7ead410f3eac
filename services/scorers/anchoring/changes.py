"""Old and new scores of the same texts become a fact: what a scorer's new version changes. Pure.

Shifts are over the anchors that both versions could judge.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.evaluations import MeasureShift, ScorerChanged
from schemas.ids import derived_id
from services.scorers.anchoring.anchors import Anchors
from services.scorers.contract import Scorer
from services.scorers.histograms import bin_edges

EVERY_APP = "*"
PRIOR = 0.5

Values = npt.NDArray[np.float64]


class AnchorScore(msgspec.Struct, frozen=True):
    """What a version says of one anchor; without a value it could not judge it."""

    value: float | None
    label: str = ""


class AnchorScores(msgspec.Struct, frozen=True, kw_only=True):
    """What one version of a scorer says of all anchors.

    Attributes:
        anchors: Version of the texts.
        at: When they were scored.
        measures: By name, in the order of the texts.
    """

    scorer: str
    version: str
    anchors: str
    at: datetime
    measures: dict[str, tuple[AnchorScore, ...]]


def anchored(scorer: Scorer, anchors: Anchors, at: datetime) -> AnchorScores:
    """Return a scorer's scores of the anchors; it scores a few hundred texts, once a version."""
    rows = scorer.score(anchors.subjects)
    return AnchorScores(
        scorer=scorer.card.name,
        version=scorer.card.version,
        anchors=anchors.version,
        at=at,
        measures={
            measure.name: tuple(AnchorScore(row[place].value, row[place].label) for row in rows)
            for place, measure in enumerate(scorer.card.measures)
        },
    )


def scorer_changed(before: AnchorScores, after: AnchorScores, *, turn: int = 0) -> ScorerChanged:
    """Return what moved between two versions.

    Args:
        before: The version that ran until now; with other anchors nothing is compared.
        after: The version that runs from now on.
        turn: How many changes went before, so that a version that comes back is another event.
    """
    same = before.anchors == after.anchors
    names = [name for name in after.measures if same and name in before.measures]
    shifts = (_shift(name, before.measures[name], after.measures[name]) for name in names)
    identity = ("scorer-changed", after.scorer, before.version, after.version, after.anchors, turn)
    return ScorerChanged(
        event_id=derived_id(*identity),
        occurred_at=after.at,
        app=EVERY_APP,
        scorer=after.scorer,
        previous_version=before.version,
        version=after.version,
        anchors=after.anchors,
        measures=tuple(shift for shift in shifts if shift is not None),
    )


def _shift(name: str, before: Sequence[AnchorScore], after: Sequence[AnchorScore]) -> MeasureShift | None:
    pairs = [(b, a) for b, a in zip(before, after, strict=True) if b.value is not None and a.value is not None]
    if not pairs:
        return None
    old, new = (np.array([pair[side].value for pair in pairs], np.float64) for side in (0, 1))
    return MeasureShift(
        name=name,
        judged=len(pairs),
        mean_before=float(old.mean()),
        mean_after=float(new.mean()),
        labels_changed=sum(b.label != a.label for b, a in pairs) / len(pairs),
        psi=population_stability(old, new),
        ks=kolmogorov_smirnov(old, new),
    )


def population_stability(before: Values, after: Values) -> float:
    """Return the population stability index over bins at the deciles of `before`, half a count added to each bin.

    As stream_processors.detectors.population_stability measures traffic, so the two can be compared.
    """
    edges = bin_edges(np.sort(before))
    counts = [_binned(edges, values) + PRIOR for values in (before, after)]
    p, q = (some / some.sum() for some in counts)
    return max(0.0, float(((q - p) * np.log(q / p)).sum()))


def _binned(edges: Values, values: Values) -> Values:
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1).astype(np.float64)


def kolmogorov_smirnov(before: Values, after: Values) -> float:
    """Return the greatest distance between two empirical distribution functions."""
    points = np.concatenate([before, after])
    shares = [np.searchsorted(np.sort(values), points, side="right") / len(values) for values in (before, after)]
    return float(np.abs(shares[0] - shares[1]).max())
