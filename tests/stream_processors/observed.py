"""Builders of what the scoring processors read and of the log they read it from."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.ids import derived_id
from schemas.inference import InferenceResponded, Message
from schemas.observations import RecordedScore, ScoresRecorded, WindowClosed
from schemas.record import Record, Variant
from schemas.reference import Histogram, Reference
from stream_processors.frame.delivery import Delivery, Source

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def response(
    number: int, *, prompt: str = "How do I bake bread?", answer: str = "safe", **other: Any
) -> InferenceResponded:
    """Return the answer to request `number`, a tenth of a second after the one before."""
    defaults: dict[str, Any] = {
        "event_id": derived_id("response", number, str(other.get("variant", ""))),
        "occurred_at": NOON + timedelta(seconds=number / 10),
        "app": "prompt-guard",
        "adapter_version": "prompt-guard-v1",
        "request_id": f"r{number}",
        "messages": (Message(role="system", content="safe or unsafe?"), Message(role="user", content=prompt)),
        "output": Message(role="assistant", content=answer),
    }
    return InferenceResponded(**{**defaults, **other})


def score(
    number: int, value: float | None, *, name: str = "prompt.distance", every_s: float = 0.1, **other: Any
) -> ScoresRecorded:
    """Return the one score of request `number`; without a value it was not judged."""
    defaults: dict[str, Any] = {
        "event_id": derived_id("score", name, number),
        "occurred_at": NOON + timedelta(seconds=number * every_s),
        "app": "prompt-guard",
        "adapter_version": "prompt-guard-v1",
        "request_id": f"r{number}",
        "scores": (
            RecordedScore(name=name, value=value, unjudged="" if value is not None else "odd", scorer="test@1"),
        ),
    }
    return ScoresRecorded(**{**defaults, **other})


def window(number: int, *, judged: int, correct: int, partition: int = 0, **other: Any) -> WindowClosed:
    """Return window `number` of five seconds, from one source partition."""
    defaults: dict[str, Any] = {
        "event_id": derived_id("window", number, partition),
        "occurred_at": NOON + timedelta(seconds=5 * (number + 1)),
        "app": "prompt-guard",
        "adapter_version": "prompt-guard-v1",
        "variant": Variant.STABLE,
        "window_start": NOON + timedelta(seconds=5 * number),
        "window_end": NOON + timedelta(seconds=5 * (number + 1)),
        "source_topic": "inference.responded.v1",
        "source_partition": partition,
        "first_offset": number * 100,
        "last_offset": number * 100 + 99,
        "counters": {"feedback": float(judged), "feedback_correct": float(correct)},
    }
    return WindowClosed(**{**defaults, **other})


def log_of(records: Iterable[Record], *, topic: str = "scores.recorded.v2", first: int = 0) -> list[Delivery]:
    """Return the records as one partition would deliver them, a second after they occurred."""
    return [
        Delivery(Source(topic, 0), first + index, record.occurred_at + timedelta(seconds=1), record)
        for index, record in enumerate(records)
    ]


def uniform_reference(*metrics: str) -> Reference:
    """Return a reference of prompt-guard-v1 by which scores are uniform between 0 and 1."""
    histogram = Histogram(edges=tuple(i / 10 for i in range(1, 10)), proportions=(0.1,) * 10)
    return Reference(
        version="prompt-guard-v1",
        embedding="wordllama-l2-supercat-256",
        centroids=((1.0, *(0.0,) * 255),),
        histograms=dict.fromkeys(metrics or ("prompt.distance", "prompt.injection", "prompt.harm"), histogram),
    )
