"""The surfaces of the API that are recorded: how each asks, answers and streams. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.inference import Message
from services.gateway.wire.answers import Answer, ChatTranscript, Transcript, read_completion
from services.gateway.wire.asked import Wire
from services.gateway.wire.errors import error_of
from services.gateway.wire.formats.reading import Doubts, decoded, json_text, text_of
from services.gateway.wire.messages import messages_of
from services.gateway.wire.responses import ResponseTranscript, messages_in, read_response
from services.gateway.wire.usage import usage_of

_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Surface:
    """One recorded endpoint.

    Attributes:
        path: Behind `/v1/`, or behind a deployment in Azure's paths.
        prefix: What ids of its requests begin with.
        messages: The conversation in a request.
        answer: The answer in a whole body; None when that is no JSON object.
        transcript: A new listener to a stream.
        usage_option: Streams tell usage when `stream_options` ask for it.
        end_mark: What a stream ends with.
        labelled: Answers are what the app's labels name, so these may constrain them.
        events: Streams carry events of the Responses API and the upstream's id stays in ours.
    """

    path: str
    prefix: str
    messages: Callable[[Wire, Doubts], tuple[Message, ...]]
    answer: Callable[[bytes, Doubts], Answer | None]
    transcript: Callable[[], Transcript] = ChatTranscript
    usage_option: bool = True
    end_mark: bytes = _DONE
    labelled: bool = False
    events: bool = False


class _Embeddings(msgspec.Struct, frozen=True):
    usage: object = None
    error: object = None


_EMBEDDINGS = msgspec.json.Decoder(_Embeddings)


def _chat_messages(wire: Wire, doubts: Doubts) -> tuple[Message, ...]:
    return messages_of(wire.messages, doubts)


def _prompts(wire: Wire, doubts: Doubts) -> tuple[Message, ...]:
    return _texts(wire.prompt, doubts)


def _inputs(wire: Wire, doubts: Doubts) -> tuple[Message, ...]:
    # vLLM embeds a chat, too.
    return messages_of(wire.messages, doubts) if wire.input is None else _texts(wire.input, doubts)


def _items(wire: Wire, doubts: Doubts) -> tuple[Message, ...]:
    return messages_in(wire.instructions, wire.input, doubts)


def _texts(value: object, doubts: Doubts) -> tuple[Message, ...]:
    """Return one message a text; token numbers are no text and are kept as they were written."""
    if value is None:
        doubts.note()
        return ()
    texts: list[Any] = value if isinstance(value, list) and not all(type(one) is int for one in value) else [value]
    return tuple(
        Message(role="user", content=one if isinstance(one, str) else json_text(one) or text_of(one)) for one in texts
    )


def _vectors(data: bytes, _: Doubts) -> Answer | None:
    wire = decoded(_EMBEDDINGS, _Embeddings, data)
    if wire is None:
        return None
    return Answer(usage=usage_of(wire.usage), error=error_of(wire.error) if wire.error else None)


CHAT = Surface("chat/completions", "chatcmpl-", _chat_messages, read_completion, labelled=True)
COMPLETIONS = Surface("completions", "cmpl-", _prompts, read_completion)
EMBEDDINGS = Surface("embeddings", "embd-", _inputs, _vectors, usage_option=False)
RESPONSES = Surface(
    "responses",
    "resp_",
    _items,
    read_response,
    ResponseTranscript,
    usage_option=False,
    end_mark=b"",
    events=True,
)
SURFACES = (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES)
