"""How right scorers are, and what a scorer's new version changes."""

from typing import Annotated, Literal

import msgspec

from schemas.record import Count, Identifier, Name, Ratio, Record

Relation = Literal["in distribution", "across data sets", "yours"]


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def holds(self, value: float, slack: float = 0.0) -> bool:
        """Whether a value lies in the interval, or no further than `slack` outside it."""
        return self.low - slack <= value <= self.high + slack


class ScorerEvaluated(Record, frozen=True, kw_only=True):
    """A measure of a scorer was compared with labels, on a data set or on a slice of it.

    `app` is "*", or the app whose recorded calls were judged.

    Attributes:
        evaluation_id: Of the run, which makes many of these.
        scorer: Name of the scorer, without its version.
        relation: In distribution: what it learnt from has parts of the same sources. Across data sets: from sources
            that it never saw. Yours: given by the user.
        harmless: Whether nothing in the set is bad, so that there are only false alarms to tell.
        data_hash: SHA-256 of the texts and labels, the first twelve digits.
        sliced_by: What makes this a slice; empty for the whole set.
        slice: E.g. de, for language; empty for the whole set.
        examples: Judged ones, the only ones that figures are of.
        bad: Of those, the ones labelled as what the measure should find.
        unjudged: Examples that the scorer could not judge.
        texts_per_second: On the machine of the run; None for a slice.
        figures: By name (services.scorers.evaluation.metrics.FIGURES); what the examples don't tell is not there.
    """

    evaluation_id: Identifier
    scorer: Name
    version: Name
    measure: Name
    data_set: Name
    data_hash: Name
    relation: Relation
    harmless: bool = False
    sliced_by: Literal["", "language", "length", "kind"] = ""
    slice: Name = ""
    examples: Count
    bad: Count
    unjudged: Count = 0
    texts_per_second: Annotated[float, msgspec.Meta(ge=0)] | None = None
    figures: dict[str, Estimate] = {}


class MeasureShift(msgspec.Struct, frozen=True, kw_only=True):
    """What a new version does to one measure on the anchors that both versions judged.

    Attributes:
        psi: Population stability index, in bins at the deciles of the version before.
        ks: Greatest distance between the two distribution functions (Kolmogorov and Smirnov).
    """

    name: Name
    judged: Count
    mean_before: float
    mean_after: float
    labels_changed: Ratio
    psi: Annotated[float, msgspec.Meta(ge=0)]
    ks: Ratio

    @property
    def mean_shift(self) -> float:
        """By how much the new version scores higher."""
        return self.mean_after - self.mean_before


class ScorerChanged(Record, frozen=True, kw_only=True):
    """A scorer runs with another version than before; both scored the same fixed texts.

    Whatever moves in traffic at this moment may be the scorer's doing, as far as `measures` tells. `app` is "*".
    Two machines that notice the same change tell it with the same id.

    Attributes:
        anchors: Hash of the fixed texts.
        measures: Empty where the version before left no scores of these texts.
    """

    scorer: Identifier
    previous_version: Name
    version: Name
    anchors: Name
    measures: tuple[MeasureShift, ...] = ()
