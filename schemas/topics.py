"""The catalogue of topics: what each carries, how it is keyed, how long it is kept."""

from dataclasses import dataclass

from schemas.cascade import SamplingChanged
from schemas.evaluations import ScorerChanged, ScorerEvaluated
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.learning import (
    AdapterProposed,
    AdapterTrained,
    RetrainingRequested,
    RolloutChanged,
    RolloutOrdered,
    TrainingChanged,
)
from schemas.observations import (
    AlertChanged,
    AlertDelivered,
    DetectorsSaved,
    DriftMeasured,
    ScoresRecorded,
    WindowClosed,
)
from schemas.record import Record, series_of

DEAD_LETTER_SUFFIX = ".dead-letter"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        name: `<domain>.<fact>.v<major>`.
        record: The only type it carries.
        key: Attribute whose value is the Kafka key; "series" means the record's series.
        partitions: Default number of partitions; the inbound topics share one number, so that
            the records of one request meet in partitions of equal number.
        compacted: Kept by key for ever rather than by time.
        stored: Whether it has a table; a processor's own memory has none.
    """

    name: str
    record: type[Record]
    key: str
    partitions: int = 1
    compacted: bool = False
    stored: bool = True

    @property
    def dead_letter(self) -> str:
        """Topic that takes this one's undecodable messages byte for byte."""
        return self.name + DEAD_LETTER_SUFFIX


INFERENCE_REQUESTED = Topic("inference.requested.v1", InferenceRequested, "request_id", 2)
INFERENCE_RESPONDED = Topic("inference.responded.v1", InferenceResponded, "request_id", 2)
FEEDBACK_GIVEN = Topic("feedback.given.v1", FeedbackGiven, "request_id", 2)
METRICS_WINDOW_CLOSED = Topic("metrics.window-closed.v1", WindowClosed, "series", 2)
SCORES_RECORDED = Topic("scores.recorded.v2", ScoresRecorded, "series", 2)
SAMPLING_CHANGED = Topic("scores.sampling-changed.v1", SamplingChanged, "place", compacted=True)
DRIFT_MEASURED = Topic("drift.measured.v1", DriftMeasured, "series", 2)
DETECTORS_SAVED = Topic("drift.detectors-saved.v1", DetectorsSaved, "place", compacted=True, stored=False)
ALERTS_CHANGED = Topic("alerts.changed.v1", AlertChanged, "app")
ALERTS_DELIVERED = Topic("alerts.delivered.v1", AlertDelivered, "app")
RETRAINING_REQUESTED = Topic("retraining.requested.v1", RetrainingRequested, "app")
TRAINING_CHANGED = Topic("training.changed.v1", TrainingChanged, "app")
ADAPTERS_PROPOSED = Topic("adapters.proposed.v1", AdapterProposed, "app")
ADAPTERS_TRAINED = Topic("adapters.trained.v1", AdapterTrained, "app")
ROLLOUTS_ORDERED = Topic("rollouts.ordered.v1", RolloutOrdered, "app")
ROLLOUTS_CHANGED = Topic("rollouts.changed.v1", RolloutChanged, "app", compacted=True)
SCORERS_EVALUATED = Topic("scorers.evaluated.v1", ScorerEvaluated, "scorer")
SCORERS_CHANGED = Topic("scorers.changed.v1", ScorerChanged, "scorer")

INBOUND = (INFERENCE_REQUESTED, INFERENCE_RESPONDED, FEEDBACK_GIVEN)
TOPICS = (
    *INBOUND,
    METRICS_WINDOW_CLOSED,
    SCORES_RECORDED,
    SAMPLING_CHANGED,
    DRIFT_MEASURED,
    DETECTORS_SAVED,
    ALERTS_CHANGED,
    ALERTS_DELIVERED,
    RETRAINING_REQUESTED,
    TRAINING_CHANGED,
    ADAPTERS_PROPOSED,
    ADAPTERS_TRAINED,
    ROLLOUTS_ORDERED,
    ROLLOUTS_CHANGED,
    SCORERS_EVALUATED,
    SCORERS_CHANGED,
)
STORED_TOPICS = tuple(topic for topic in TOPICS if topic.stored)
TOPIC_BY_NAME = {topic.name: topic for topic in TOPICS}
TOPIC_BY_RECORD: dict[type[Record], Topic] = {topic.record: topic for topic in TOPICS}


def topic_of(record: Record) -> Topic:
    """Return the topic that carries records of this type.

    Raises:
        KeyError: No topic carries it.
    """
    return TOPIC_BY_RECORD[type(record)]


def key_of(record: Record) -> bytes:
    """Return the Kafka key of a record."""
    field = topic_of(record).key
    return series_of(record).key if field == "series" else str(getattr(record, field)).encode()
