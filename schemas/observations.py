"""What the stream processors conclude: windows, scores, drift and alerts."""

import math
from typing import Annotated, Literal

import msgspec

from schemas.record import Count, Identifier, Instant, Milliseconds, Name, Record


class Sketch(msgspec.Struct, frozen=True, kw_only=True):
    """A DDSketch (Masson, Rim, Lee 2019) of non-negative values, mergeable without loss.

    Attributes:
        relative_accuracy: Bound on the relative error of every quantile, e.g. 0.01.
        bins: Count per logarithmic bin index: values in (gamma**(i-1), gamma**i].
        zeros: How many values were zero.
        count: All values, zeros included.
        total: Their sum.
    """

    relative_accuracy: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    bins: dict[int, int] = {}
    zeros: Count = 0
    count: Count = 0
    total: float = 0.0


class WindowClosed(Record, frozen=True, kw_only=True):
    """One source partition's share of one series' tumbling window [window_start, window_end).

    Readers merge the partials of all source partitions. After a replay a partial may come again,
    incomplete: keep, per (series, window, source), the one with the smallest `first_offset`, then
    the largest `last_offset`.

    Attributes:
        counters: Additive values by counter name (schemas.metrics.COUNTERS).
        sketches: Distributions by value name: latency_ms, ttft_ms.
        late: Events of this series that came after their window's close; raw tables keep them.
        series_count: How many series its source partition reports of this window; with fewer at hand, some lack.
    """

    window_start: Instant
    window_end: Instant
    source_topic: Name
    source_partition: Count
    first_offset: Count
    last_offset: Count
    counters: dict[str, float]
    sketches: dict[str, Sketch] = {}
    late: Count = 0
    series_count: Annotated[int, msgspec.Meta(ge=1)] = 1


class RecordedScore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One score of a call, or why there is none.

    Attributes:
        name: What was measured, e.g. prompt.injection; schemas.metrics.SCORES, or a user's own.
        value: Its range stands with the scorer; None when it was not judged.
        label: What the value means at the scorer's threshold, e.g. unsafe; empty for measures.
        categories: Hazards or kinds behind the label.
        unjudged: Why there is no value, without any text of the call; empty when there is one.
        scorer: Which scorer and version, e.g. injection-head@1.
        latency_ms: Time that the scorer took, its batch's divided by the calls in it.
        sampling_probability: Chance that this call was scored; weight estimates by its inverse.
    """

    name: Identifier
    value: float | None = None
    label: Name = ""
    categories: tuple[Name, ...] = ()
    unjudged: Name = ""
    scorer: Identifier
    latency_ms: Milliseconds = 0.0
    sampling_probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.unjudged):
            raise ValueError("a score has either a value or why there is none")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError("a score is a finite number")


class ScoresRecorded(Record, frozen=True, kw_only=True):
    """Scorers judged one response. Everything that one processor has to say of a call is one message."""

    request_id: Identifier
    scores: Annotated[tuple[RecordedScore, ...], msgspec.Meta(min_length=1)]


class DriftMeasured(Record, frozen=True, kw_only=True):
    """A detector compared a stream with its reference or its own past.

    Attributes:
        metric: What was watched: a score or metric name.
        method: PopulationStability, PageHinkley, Adwin or EDetector.
        value: The method's statistic.
        threshold: Value above which the method says drift; of PSI the window's own, of an e-detector as a logarithm.
        drifted: Its verdict.
        count: Observations behind the value since the last measurement.
        detected_at_count: For sequential detectors, observations seen by the series in total.
        reference: Version of the reference compared with; of an e-detector whether its baseline is given, learnt or
            still being learnt; empty for the other sequential detectors.
        scorer: Whose scores these are, with version; empty for what no scorer gives.
    """

    metric: Name
    method: Literal["PopulationStability", "PageHinkley", "Adwin", "EDetector"]
    value: float
    threshold: float
    drifted: bool
    count: Count
    window_start: Instant
    window_end: Instant
    detected_at_count: Count = 0
    reference: Name = ""
    scorer: Name = ""


class AlertChanged(Record, frozen=True, kw_only=True):
    """A monitor began or ceased to be breached.

    `alert_id` is derived from monitor, series and the first breached window, so that however often
    the breach is derived it is one alert. Its `event_id` adds the state.

    Attributes:
        breached_at: End of the first window in breach.
        value: The metric's value in the window that decided; None where the series went silent.
        count: Observations behind that value.
        window_end: End of the window that decided.
    """

    alert_id: Identifier
    monitor: Identifier
    state: Literal["firing", "resolved"]
    severity: Literal["info", "warning", "critical"]
    metric: Name
    comparison: Literal["below", "above"]
    threshold: float
    value: float | None
    count: Count
    breached_at: Instant
    window_end: Instant
    summary: Name = ""


class AlertDelivered(Record, frozen=True, kw_only=True):
    """A channel accepted an alert, or delivery was given up after its retries.

    Attributes:
        attempts: Deliveries tried, the last included.
        error: Why it was given up; empty on success.
    """

    alert_id: Identifier
    alert_state: Literal["firing", "resolved"]
    subscription: Identifier
    channel: Name
    attempts: Count
    delivered: bool
    error: Name = ""


class DetectorsSaved(Record, frozen=True, kw_only=True):
    """A part of what the sequential detectors of one source partition knew before its message at `offset`.

    Written and read by the drift processor alone; `app` is "*", as the state is of all. A state is
    complete when all its parts are there: those of equal source and `offset`. The parts of two states
    that follow each other differ in `slot`, and so in key, so compaction keeps the last complete state
    while the next is being written.

    Attributes:
        source_topic_id: A re-created topic has another; the state is then of no use.
        offset: The state holds every message before it, and none from it on.
        floor: First offset that a window open at `offset` needs.
        part: Number of this part, from 0, of `parts`.
        made_with: Method versions and settings; state made with others can't be taken up.
        state: MessagePack of a stream_processors.detectors.saved_state.SavedLane.
    """

    source_topic: Name
    source_topic_id: Name
    source_partition: Count
    offset: Count
    floor: Count
    slot: Literal[0, 1]
    part: Count
    parts: Annotated[int, msgspec.Meta(ge=1)]
    made_with: Name
    state: bytes

    @property
    def place(self) -> str:
        """Kafka key: what a later state may replace."""
        return f"{self.source_topic}/{self.source_partition}/{self.slot}/{self.part}"
