"""scores.recorded.v1 and metrics.window-closed.v1 → drift.measured.v1: has the traffic, or the error, changed?

Watched for each series of stable and canary answers:

    prompt.distance    PSI a window, ADWIN, Page-Hinkley
    prompt.injection   PSI a window
    prompt.harm        PSI a window
    feedback           Page-Hinkley on the error of judged answers

What holds after kill -9. PSI: a window that was open is read again from its first record and measured
as if nothing had happened; scores delivered twice count once; what is told twice has the same id.
ADWIN and Page-Hinkley: they begin anew with the last four windows, so a slow change that began before
may be told later than without the kill, or, told before, once more.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from schemas.durations import parse_duration
from schemas.observations import ScoreRecorded, WindowClosed
from schemas.record import Record, Variant, series_of
from schemas.topics import METRICS_WINDOW_CLOSED, SCORES_RECORDED
from services.registry.artifacts import ArtifactStore
from services.runtime.metrics import gauge
from stream_processors.delivery import Delivery
from stream_processors.detectors.lanes import Lanes
from stream_processors.detectors.watch import METHODS, Observation
from stream_processors.frame import Frame

FEEDBACK = "feedback"
BATCH = 500


def build_drift(processor: Frame) -> None:
    """Wire the processor."""
    configuration = processor.configuration
    lanes = Lanes(
        configuration.drift,
        length=parse_duration(configuration.drift.window),
        lateness=parse_duration(configuration.windows.lateness),
        references=ArtifactStore(processor.settings.artifacts).reference,
    )
    gauge("driftloop_drift_late_observations").set_function(lambda: lanes.late)

    async def measure(deliveries: Sequence[Delivery]) -> Iterable[Record]:
        return measure_drift(deliveries, lanes, processor.now())

    processor.floor = lanes.floor
    processor.forget = lambda sources: lanes.forget()
    processor.consume(SCORES_RECORDED, handle=measure, batch=BATCH)
    processor.consume(METRICS_WINDOW_CLOSED, handle=measure, batch=BATCH)
    processor.every(1.0, lambda: tuple(lanes.close_idle(processor.now())))


def measure_drift(deliveries: Sequence[Delivery], lanes: Lanes, now: datetime) -> list[Record]:
    """Return what a batch of scores and windows makes the detectors tell, in order."""
    observed = ((delivery, observation_of(delivery.record)) for delivery in deliveries)
    return [
        measured
        for delivery, observation in observed
        if observation is not None
        for measured in lanes.take(observation, delivery, now)
    ]


def observation_of(record: Record) -> Observation | None:
    """Return what detectors should see of a record, or None: shadow answers, other scores, windows without feedback."""
    if record.variant is Variant.SHADOW:
        return None
    if isinstance(record, ScoreRecorded) and record.name in METHODS:
        return Observation(
            series_of(record), record.model, record.name, record.occurred_at, record.value, 1, record.event_id
        )
    if isinstance(record, WindowClosed):
        return _error_of(record)
    return None


def _error_of(window: WindowClosed) -> Observation | None:
    """Return the window's error as often as answers were judged in it: their order within it is not known."""
    judged = round(window.counters.get("feedback", 0))
    if judged == 0:
        return None
    error = 1 - window.counters.get("feedback_correct", 0) / judged
    # Not the event id: a replay may tell the rest of a window again, and the first telling is the whole one.
    identity = f"{window.window_start.isoformat()}|{window.source_topic}|{window.source_partition}"
    return Observation(series_of(window), window.model, FEEDBACK, window.window_start, error, judged, identity)
