"""A chat completion call: from the client's JSON to what the model is asked. Pure."""

from typing import Annotated, Literal

import msgspec

from services.model_server.jobs import MAX_TOKENS, Sampling
from services.parts.ingress.errors import Refusal

_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]


class _Part(msgspec.Struct, frozen=True):
    type: str = "text"
    text: str = ""


class _Message(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | tuple[_Part, ...] | None = None

    def plain(self) -> dict[str, str]:
        content = self.content or ""
        text = content if isinstance(content, str) else "\n".join(part.text for part in content if part.text)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class _Structured(msgspec.Struct, frozen=True):
    choice: tuple[str, ...] | None = None


class ChatCall(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that are understood; others are ignored, as vLLM does.

    `structured_outputs.choice` is vLLM's way to name the answers; `guided_choice` is its older one, which present
    releases of vLLM ignore.
    """

    model: str
    messages: Annotated[tuple[_Message, ...], msgspec.Meta(min_length=1)]
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: _Temperature | None = None
    top_p: _Share | None = None
    seed: int | None = None
    stop: str | tuple[str, ...] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    n: Literal[1] | None = None
    guided_choice: tuple[str, ...] | None = None
    structured_outputs: _Structured | None = None

    @property
    def conversation(self) -> list[dict[str, str]]:
        """The messages as plain text, for the chat template."""
        return [message.plain() for message in self.messages]

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers to choose from; empty means write freely."""
        structured = self.structured_outputs.choice if self.structured_outputs else None
        return self.guided_choice or structured or ()

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk of usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def sampling(self, room: int) -> Sampling:
        """Return how the answer is written where `room` tokens are left in the context."""
        stop = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        asked = self.max_completion_tokens or self.max_tokens
        return Sampling(
            max_tokens=asked or min(MAX_TOKENS, room),
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=self.top_p or 1.0,
            seed=self.seed,
            stop=tuple(text for text in stop if text),
        )


_DECODER = msgspec.json.Decoder(ChatCall)


def parse_call(body: bytes) -> ChatCall:
    """Return the call in a request body.

    Raises:
        Refusal: 400, naming the field; nothing of a message's text is repeated.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(400, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "the body is not JSON") from error


def check_length(prompt: int, asked: int, context: int) -> None:
    """Refuse what does not fit the model's context, in vLLM's words.

    Raises:
        Refusal: 400 context_length_exceeded.
    """
    if prompt + asked > context:
        raise Refusal(
            400,
            f"This model's maximum context length is {context} tokens. However, you requested "
            f"{prompt + asked} tokens ({prompt} in the messages, {asked} in the completion).",
            code="context_length_exceeded",
            param="messages",
        )
