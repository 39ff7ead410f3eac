"""The corpus: scenarios told in every dialect, whole and streamed, each with what is to be recorded of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.services.gateway.canned import EVENTS, JSON
from tests.services.gateway.corpus.dialects import DIALECTS, UPSTREAM_ID, UPSTREAM_MODEL, Counts, Dialect, Tree

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Expected:
    """What of a pair is to be recorded."""

    texts: tuple[str, ...] = ("Hello there",)
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str = "stop"
    counts: Counts = field(default_factory=Counts)
    error_type: str = ""
    error_message: str = ""


@dataclass(frozen=True)
class Pair:
    """One request and what its upstream says to it."""

    name: str
    path: str
    request: Tree
    pieces: tuple[bytes, ...]
    expected: Expected
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = JSON


@dataclass(frozen=True)
class Scenario:
    """Something that a model says, and what its client asked to get it."""

    name: str
    expected: Expected
    asked: Tree = field(default_factory=dict)


_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
_PICTURE = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, _IMAGE]}
_CALLED = {"id": "c0", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
_HISTORY = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": None, "tool_calls": [_CALLED]},
    {"role": "tool", "tool_call_id": "c0", "content": "sunny"},
]
_OSLO = ("get_weather", '{"city": "Oslo"}')
SCENARIOS = (
    Scenario("plain", Expected()),
    Scenario("words", Expected(texts=('Blåbærgrød \u2028 😀 "quoted" \\ back',))),
    Scenario("long", Expected(texts=("lorem ipsum " * 400,))),
    Scenario("cut", Expected(finish_reason="length"), {"max_tokens": 3}),
    Scenario("filtered", Expected(texts=("",), finish_reason="content_filter")),
    Scenario("choices", Expected(texts=("Hello there", "Hi", "Hey")), {"n": 3}),
    Scenario("thinking", Expected(reasoning="Let me see. Yes.", counts=Counts(reasoning=5))),
    Scenario("cached", Expected(counts=Counts(input=2048, cached=1920))),
    Scenario("tool", Expected(texts=("",), calls=(_OSLO,), finish_reason="tool_calls"), {"tools": [_TOOL]}),
    Scenario(
        "tools",
        Expected(texts=("",), calls=(_OSLO, ("get_time", "{}")), finish_reason="tool_calls"),
        {"tools": [_TOOL], "parallel_tool_calls": True, "tool_choice": "auto"},
    ),
    Scenario("history", Expected(), {"messages": _HISTORY}),
    Scenario("picture", Expected(), {"messages": [_PICTURE]}),
    Scenario("json", Expected(texts=('{"label": "safe"}',)), {"response_format": {"type": "json_object"}}),
    Scenario(
        "sampling",
        Expected(),
        {"temperature": 0.0, "top_p": 1, "seed": 7, "stop": ["\n"], "logit_bias": {"50256": -100}},
    ),
    Scenario("vllm-extras", Expected(), {"top_k": 5, "structured_outputs": {"choice": ["a"]}, "priority": 1}),
)


def pairs() -> Iterator[Pair]:
    """Yield the whole corpus."""
    for dialect in DIALECTS:
        for scenario in SCENARIOS:
            yield _whole(dialect, scenario)
            yield _streamed(dialect, scenario)
        yield from _text_completions(dialect)
        yield from _failures(dialect)


def _request(scenario: Scenario, **more: Any) -> Tree:
    messages = [{"role": "user", "content": "Hello"}]
    return {"model": "prompt-guard", "messages": messages} | scenario.asked | more


def _whole(dialect: Dialect, scenario: Scenario) -> Pair:
    expected = scenario.expected
    choices = [_choice(dialect, expected, index) for index in range(len(expected.texts))]
    body = dialect.whole("chat.completion", choices, expected.counts)
    return Pair(f"{dialect.name}-{scenario.name}-whole", CHAT, _request(scenario), (body,), expected)


def _choice(dialect: Dialect, expected: Expected, index: int) -> Tree:
    message: Tree = {"role": "assistant", "content": expected.texts[index] or None} | dict(dialect.message)
    if index == 0 and expected.reasoning:
        message[dialect.reasoning] = expected.reasoning
    if index == 0 and expected.calls:
        message["tool_calls"] = [_call(number, *call) for number, call in enumerate(expected.calls)]
    return {"index": index, "message": message, "finish_reason": expected.finish_reason} | dict(dialect.choice)


def _call(number: int, name: str, arguments: str) -> Tree:
    return {
        "index": number,
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _streamed(dialect: Dialect, scenario: Scenario) -> Pair:
    expected = scenario.expected
    asked = _request(scenario, stream=True, stream_options={"include_usage": True})
    said = [*_first(dialect), *_said(dialect, expected)]
    usage = dialect.event("chat.completion.chunk", [], usage=dialect.usage(expected.counts))
    name = f"{dialect.name}-{scenario.name}-stream"
    return Pair(name, CHAT, asked, (*said, usage, _DONE), expected, headers=EVENTS)


def _first(dialect: Dialect) -> list[bytes]:
    return [dialect.line(dict(tree)) for tree in dialect.first]


def _said(dialect: Dialect, expected: Expected) -> Iterator[bytes]:
    """Yield the chunks of all choices, in turn."""
    for index, text in enumerate(expected.texts):
        yield _delta(dialect, index, {"role": "assistant", "content": ""})
        half = len(expected.reasoning) // 2
        for thought in (expected.reasoning[:half], expected.reasoning[half:]) if index == 0 and half else ():
            yield _delta(dialect, index, {dialect.reasoning: thought})
        for at in range(0, len(text), 200):
            yield _delta(dialect, index, {"content": text[at : at + 200]})
    for number, (name, arguments) in enumerate(expected.calls):
        yield _delta(dialect, 0, {"tool_calls": [_call(number, name, arguments[:5])]})
        if rest := arguments[5:]:
            yield _delta(dialect, 0, {"tool_calls": [{"index": number, "function": {"arguments": rest}}]})
    for index in range(len(expected.texts)):
        yield _delta(dialect, index, {}, expected.finish_reason)


def _delta(dialect: Dialect, index: int, delta: Tree, finish_reason: str | None = None) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason} | dict(dialect.choice)
    return dialect.event("chat.completion.chunk", [choice])


def _text_completions(dialect: Dialect) -> Iterator[Pair]:
    expected = Expected()
    choice = {"text": expected.texts[0], "index": 0, "finish_reason": "stop"} | dict(dialect.choice)
    request = {"model": "prompt-guard", "prompt": "Once", "echo": False}
    body = dialect.whole("text_completion", [choice], expected.counts)
    yield Pair(f"{dialect.name}-text-whole", TEXT, request, (body,), expected)
    halves = [("Hello ", None), ("there", None), ("", "stop")]
    chunks = [dialect.event("text_completion", [choice | {"text": text, "finish_reason": why}]) for text, why in halves]
    usage = dialect.event("text_completion", [], usage=dialect.usage(expected.counts))
    asked = request | {"stream": True, "stream_options": {"include_usage": True}}
    yield Pair(f"{dialect.name}-text-stream", TEXT, asked, (*chunks, usage, _DONE), expected, headers=EVENTS)


def _failures(dialect: Dialect) -> Iterator[Pair]:
    for status in (400, 401, 429, 500, 503):
        body = dialect.write(dialect.error(status, f"no, {status}"))
        said = json.loads(body)["error"]["message"]
        expected = Expected((), "", (), "", Counts(0, 0), str(status), said)
        headers = (*JSON, (b"retry-after", b"3"), (b"x-request-id", b"req-9"))
        yield Pair(f"{dialect.name}-{status}", CHAT, _request(SCENARIOS[0]), (body,), expected, status, headers)
    told = dialect.error(400, "the context is full")
    error = told["error"]
    kind = error.get("type") or str(error.get("code") or "upstream_error")
    chunks = (*_first(dialect), _delta(dialect, 0, {"content": "Hello there"}))
    expected = Expected(finish_reason="", counts=Counts(0, 0), error_type=kind, error_message=error["message"])
    asked = _request(SCENARIOS[0], stream=True, stream_options={"include_usage": True})
    yield Pair(
        f"{dialect.name}-error-in-stream", CHAT, asked, (*chunks, dialect.line(told), _DONE), expected, headers=EVENTS
    )


def readdressed(body: bytes, request_id: str) -> bytes:
    """Return what the client is to get in the place of what the upstream said."""
    ours = json.dumps(request_id).encode()
    named = body.replace(b'"%s"' % UPSTREAM_ID.encode(), ours).replace(b'"id":""', b'"id":' + ours)
    return named.replace(b'"%s"' % UPSTREAM_MODEL.encode(), b'"prompt-guard"').replace(
        b'"model":""', b'"model":"prompt-guard"'
    )
