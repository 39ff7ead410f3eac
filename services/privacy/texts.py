"""The texts of an event, and the event with others in their place, by the side they belong to. Pure.

What names or counts something is no text: ids, users' and sessions' pseudonyms, tools' names, finish reasons.
"""

from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

import msgspec

from schemas.feedback import Answered as AnsweredBefore
from schemas.feedback import Comparison, FeedbackGiven
from schemas.inference import Choice, ContentPart, Context, InferenceRequested, InferenceResponded, Message, ToolCall

# What is `beside` the texts (tags, who judged) stays when texts are dropped.
Side = Literal["prompt", "answer", "elsewhere", "beside"]
Write = Callable[[str, Side], str]
Event = TypeVar("Event", InferenceRequested, InferenceResponded, FeedbackGiven)
Asked = TypeVar("Asked", InferenceRequested, InferenceResponded)
Answered = TypeVar("Answered", bound=InferenceResponded)
_replace = msgspec.structs.replace
_ERROR, _COMMENT, _LABEL, _NAME = 4096, 8192, 4096, 256


def texts_of(event: InferenceRequested | InferenceResponded | FeedbackGiven) -> Iterator[str]:
    """Yield every text that `rewritten` writes anew, empty ones among them, in the same order."""
    if isinstance(event, FeedbackGiven):
        yield from _said(event)
        return
    for message in event.messages:
        if type(message.content) is str and not message.tool_calls:
            yield message.content  # most are this
        else:
            yield from _texts(message)
    for name, value in event.tags.items():
        yield from (name, value)
    for context in event.contexts:
        yield from (context.text, context.source)
    if isinstance(event, InferenceResponded):
        if event.output is not None:
            yield from _texts(event.output)
        yield event.reasoning
        for choice in event.choices:
            yield from _texts(choice.output)
            yield choice.reasoning
        yield event.error_message


def _said(event: FeedbackGiven) -> Iterator[str]:
    if event.label is not None:
        yield event.label
    compared = (event.comparison.preferred.output, event.comparison.rejected.output) if event.comparison else ()
    for message in (event.correction, *compared):
        if message is not None:
            yield from _texts(message)
    yield from (event.comment, event.source)


def _texts(message: Message) -> Iterator[str]:
    content = message.content
    if isinstance(content, str):
        yield content
    else:
        for part in content:
            yield part.text
            if not _is_picture(part):
                yield part.reference
    for call in message.tool_calls:
        yield call.arguments


def rewritten(event: Event, write: Write) -> Event:
    """Return an event with every text as `write` makes it, each cut where its field ends."""
    if isinstance(event, FeedbackGiven):
        return _replace(
            event,
            label=None if event.label is None else write(event.label, "elsewhere")[:_LABEL],
            correction=None if event.correction is None else _message(event.correction, "elsewhere", write),
            comparison=None if event.comparison is None else _comparison(event.comparison, write),
            comment=write(event.comment, "elsewhere")[:_COMMENT],
            source=write(event.source, "beside")[:_NAME],
        )
    asked = _asked(event, write)
    return _answered(asked, write) if isinstance(asked, InferenceResponded) else asked


def _asked(event: Asked, write: Write) -> Asked:
    last = max((at for at, message in enumerate(event.messages) if message.role == "user"), default=-1)
    return _replace(
        event,
        messages=tuple(
            _message(message, "prompt" if at == last else "elsewhere", write)
            for at, message in enumerate(event.messages)
        ),
        tags={write(name, "beside"): write(value, "beside") for name, value in event.tags.items()},
        contexts=tuple(
            Context(text=write(c.text, "elsewhere"), source=write(c.source, "elsewhere")) for c in event.contexts
        ),
    )


def _answered(event: Answered, write: Write) -> Answered:
    return _replace(
        event,
        output=None if event.output is None else _message(event.output, "answer", write),
        reasoning=write(event.reasoning, "elsewhere"),
        choices=tuple(
            Choice(
                output=_message(choice.output, "elsewhere", write),
                finish_reason=choice.finish_reason,
                reasoning=write(choice.reasoning, "elsewhere"),
            )
            for choice in event.choices
        ),
        error_message=write(event.error_message, "elsewhere")[:_ERROR],
    )


def _comparison(comparison: Comparison, write: Write) -> Comparison:
    return Comparison(preferred=_compared(comparison.preferred, write), rejected=_compared(comparison.rejected, write))


def _compared(answered: AnsweredBefore, write: Write) -> AnsweredBefore:
    if answered.output is None:
        return answered
    return AnsweredBefore(request_id=answered.request_id, output=_message(answered.output, "elsewhere", write))


def _message(message: Message, side: Side, write: Write) -> Message:
    content = message.content
    return Message(
        role=message.role,
        content=write(content, side)
        if isinstance(content, str)
        else tuple(_part(part, side, write) for part in content),
        tool_calls=tuple(
            ToolCall(id=call.id, name=call.name, arguments=write(call.arguments, "elsewhere"))
            for call in message.tool_calls
        ),
        tool_call_id=message.tool_call_id,
    )


def _part(part: ContentPart, side: Side, write: Write) -> ContentPart:
    text = write(part.text, side)
    reference = part.reference if _is_picture(part) else write(part.reference, "elsewhere")
    return ContentPart(type=part.type, text=text, reference=reference)


def _is_picture(part: ContentPart) -> bool:
    """Whether the picture stands in the message itself: it has no text to read."""
    return part.reference.startswith("data:")
