"""What is looked at and what is written anew are the same texts: one that is overlooked would be kept as it came."""

from datetime import UTC, datetime

import pytest

from schemas.codec import decode
from schemas.feedback import Answered, Comparison, FeedbackGiven
from schemas.golden import golden
from schemas.inference import (
    Choice,
    ContentPart,
    Context,
    InferenceRequested,
    InferenceResponded,
    Message,
    ToolCall,
)
from schemas.topics import INBOUND
from services.privacy.texts import Side, rewritten, texts_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PARTS = (
    ContentPart(type="text", text="a part"),
    ContentPart(type="image_url", reference="https://x.example/a"),
    ContentPart(type="image_url", reference="data:image/png;base64,AA"),
)
CALLED = Message(role="assistant", content=PARTS, tool_calls=(ToolCall(id="t", name="send", arguments='{"to": "b"}'),))
EXAMPLES = tuple(
    record
    for topic in INBOUND
    if isinstance(
        record := decode(topic.name, golden(topic), NOW), InferenceRequested | InferenceResponded | FeedbackGiven
    )
)
FULL = (
    InferenceResponded(
        event_id="e",
        occurred_at=NOW,
        app="bot",
        request_id="r",
        messages=(CALLED, Message(role="user", content="asked")),
        tags={"who": "me"},
        contexts=(Context(text="a passage", source="a book"),),
        output=CALLED,
        reasoning="thought",
        choices=(Choice(output=CALLED, reasoning="thought again"),),
        error_message="failed",
    ),
    FeedbackGiven(
        event_id="e",
        occurred_at=NOW,
        app="bot",
        request_id="r",
        label="a label",
        correction=CALLED,
        comparison=Comparison(preferred=Answered(output=CALLED), rejected=Answered(output=Message(role="assistant"))),
        comment="a comment",
        source="me",
    ),
)


@pytest.mark.parametrize("event", [*EXAMPLES, *FULL], ids=lambda event: type(event).__name__)
def test_every_text_that_is_written_anew_is_looked_at(
    event: InferenceRequested | InferenceResponded | FeedbackGiven,
) -> None:
    written: list[str] = []

    def write(text: str, side: Side) -> str:
        written.append(text)
        return text

    assert rewritten(event, write) == event  # type: ignore[type-var]  # one of the three, whichever
    assert list(texts_of(event)) == written
