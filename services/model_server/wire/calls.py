"""Calls for text: from the client's JSON to what the model is asked. Pure."""

from typing import Annotated, Literal, TypeVar

import msgspec

from schemas.inference import Message, ToolCall
from services.model_server.jobs import MAX_TOKENS, Sampling
from services.model_server.wire.forms import Form, ResponseFormat, StructuredOutputs, ToolChoice, ToolGiven, form_of
from services.parts.ingress.errors import Refusal

# Answers to one call; all of them are in the queue at once.
MOST_ANSWERS = 16

_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
_Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
_Tokens = Annotated[int, msgspec.Meta(ge=1)]


class _Part(msgspec.Struct, frozen=True):
    type: str = "text"
    text: str = ""


class _CalledFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: str = "{}"


class _CalledTool(msgspec.Struct, frozen=True):
    function: _CalledFunction
    id: str | None = None


class _Message(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | tuple[_Part, ...] | None = None
    tool_calls: tuple[_CalledTool, ...] | None = None
    tool_call_id: str | None = None

    @property
    def message(self) -> Message:
        content = self.content or ""
        text = content if isinstance(content, str) else "\n".join(part.text for part in content if part.text)
        calls = tuple(
            ToolCall(id=call.id or "", name=call.function.name, arguments=call.function.arguments)
            for call in self.tool_calls or ()
        )
        return Message(role=self.role, content=text, tool_calls=calls, tool_call_id=self.tool_call_id or "")


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class _TextCall(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    max_tokens: _Tokens | None = None
    temperature: _Temperature | None = None
    top_p: _Share | None = None
    seed: int | None = None
    stop: str | tuple[str, ...] | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=MOST_ANSWERS)] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None

    @property
    def answers_wanted(self) -> int:
        """How many answers each prompt gets."""
        return self.n or 1

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk of usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def _sampling(self, max_tokens: int, alternatives: int | None) -> Sampling:
        stop = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        return Sampling(
            max_tokens=max_tokens,
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=self.top_p or 1.0,
            seed=self.seed,
            stop=tuple(text for text in stop if text),
            frequency=self.frequency_penalty or 0.0,
            presence=self.presence_penalty or 0.0,
            alternatives=alternatives,
        )


class ChatCall(_TextCall, frozen=True, kw_only=True):
    """The fields that are understood; others are ignored, as vLLM does.

    `structured_outputs.choice` is vLLM's way to name the answers; `guided_choice` is its older one, which present
    releases of vLLM ignore.
    """

    messages: Annotated[tuple[_Message, ...], msgspec.Meta(min_length=1)]
    max_completion_tokens: _Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    guided_choice: tuple[str, ...] | None = None
    tools: tuple[ToolGiven, ...] | None = None
    tool_choice: ToolChoice | Literal["none", "auto", "required"] | None = None
    parallel_tool_calls: bool | None = None

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The messages in the contract's form, as training has them."""
        return tuple(message.message for message in self.messages)

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers to choose from; empty means write freely."""
        structured = self.structured_outputs.choice if self.structured_outputs else None
        return self.guided_choice or structured or ()

    @property
    def form(self) -> Form:
        """What the answer must keep to.

        Raises:
            Refusal: 400, it asks for what can't be, e.g. a tool that is not given.
        """
        return form_of(
            self.response_format,
            self.structured_outputs,
            tools=self.tools or (),
            choice=self.tool_choice,
            several=self.parallel_tool_calls is not False,
        )

    def sampling(self, room: int) -> Sampling:
        """Return how the answer is written where `room` tokens are left in the context."""
        asked = self.max_completion_tokens or self.max_tokens
        alternatives = (self.top_logprobs or 0) if self.logprobs else None
        return self._sampling(asked or min(MAX_TOKENS, max(1, room)), alternatives)


class CompletionCall(_TextCall, frozen=True, kw_only=True):
    """A call of the older kind, a text to be gone on with; `prompt` is a text, several, or tokens."""

    prompt: str | tuple[str | int, ...]
    logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    echo: Literal[False] | None = None
    suffix: Literal[""] | None = None
    best_of: Literal[1] | None = None

    @property
    def prompts(self) -> tuple[str | tuple[int, ...], ...]:
        """The prompts, each of which gets its answers.

        Raises:
            Refusal: 400, there is none, or texts and tokens are mixed.
        """
        if isinstance(self.prompt, str):
            return (self.prompt,)
        texts = tuple(part for part in self.prompt if isinstance(part, str))
        tokens = tuple(part for part in self.prompt if isinstance(part, int))
        if not self.prompt or (texts and tokens) or len(texts) * self.answers_wanted > MOST_ANSWERS:
            raise Refusal(
                400,
                f"`prompt` must be a text, tokens, or texts that make at most {MOST_ANSWERS} answers together",
                param="prompt",
            )
        return texts or (tokens,)

    @property
    def form(self) -> Form:
        """What the answer must keep to."""
        return form_of(self.response_format, self.structured_outputs, tools=(), choice=None, several=True)

    def sampling(self) -> Sampling:
        """Return how the answer is written; OpenAI's default of 16 tokens."""
        return self._sampling(self.max_tokens or 16, self.logprobs)


_Call = TypeVar("_Call")
_CHAT = msgspec.json.Decoder(ChatCall)
_COMPLETION = msgspec.json.Decoder(CompletionCall)


def parse_call(body: bytes) -> ChatCall:
    """Return the chat call in a request body.

    Raises:
        Refusal: 400, naming the field; nothing of a message's text is repeated.
    """
    return _parsed(_CHAT, body)


def parse_completion(body: bytes) -> CompletionCall:
    """Return the call for a completion in a request body.

    Raises:
        Refusal: 400, naming the field; nothing of the prompt is repeated.
    """
    return _parsed(_COMPLETION, body)


def _parsed(decoder: msgspec.json.Decoder[_Call], body: bytes) -> _Call:
    try:
        return decoder.decode(body)
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
