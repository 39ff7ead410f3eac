"""Records with what a test doesn't care about filled in."""

from datetime import UTC, datetime

from schemas.codec import from_unix_ms
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceResponded, Message, Usage
from schemas.observations import WindowClosed
from schemas.record import Variant

EPOCH = 1_800_000_000_000


def now_ms() -> int:
    """Return this moment in Unix milliseconds."""
    return round(datetime.now(UTC).timestamp() * 1000)


def responded(
    number: int,
    *,
    at: int,
    answer: str = "safe",
    version: str = "v1",
    variant: str = "stable",
    latency: float = 10.0,
    cost: float | None = 0.5,
) -> InferenceResponded:
    """Return a response to request `number`."""
    return InferenceResponded(
        event_id=f"responded-{number}-{variant}",
        occurred_at=from_unix_ms(at),
        app="guard",
        model="tiny",
        adapter_version=version,
        variant=Variant(variant),
        request_id=f"request-{number}",
        messages=(Message(role="user", content="a prompt"),),
        output=Message(role="assistant", content=answer),
        usage=Usage(input_tokens=3, output_tokens=1),
        latency_ms=latency,
        cost_usd=cost,
    )


def feedback(
    number: int, *, at: int, label: str | None = "safe", score: float | None = None, nth: int = 1, user: str = ""
) -> FeedbackGiven:
    """Return the nth feedback on the answer to request `number`."""
    return FeedbackGiven(
        event_id=f"feedback-{number}-{nth}",
        occurred_at=from_unix_ms(at),
        app="guard",
        request_id=f"request-{number}",
        label=label,
        score=score,
        user_id=user,
    )


def window(
    start: int, *, length: int = 1000, partition: int = 0, first: int = 0, last: int = 9, counters: dict[str, float]
) -> WindowClosed:
    """Return a partial of the stable v1 series; a feedback counter makes it one of the feedback topic."""
    return WindowClosed(
        event_id=f"window-{start}-{partition}-{first}-{last}",
        occurred_at=from_unix_ms(start + length),
        app="guard",
        adapter_version="v1",
        window_start=from_unix_ms(start),
        window_end=from_unix_ms(start + length),
        source_topic="feedback.given.v1" if "feedback" in counters else "inference.responded.v1",
        source_partition=partition,
        first_offset=first,
        last_offset=last,
        counters=counters,
    )
