"""Whatever the attributes that the conventions name hold, a call is told of."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from services.collector.otlp.spans import Attribute
from tests.services.collector.conventions.spans import event, read

NAMES = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0.tool_calls.0.name",
    "gen_ai.prompt.0.tool_calls",
    "gen_ai.completion.0.content",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.id",
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "llm.input_messages.0.message.contents.0.message_content.text",
    "llm.input_messages.0.message.contents.0",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function",
    "llm.invocation_parameters",
    "input.value",
    "output.value",
    "error.type",
    "session.id",
    "user.id",
    "driftloop.variant",
    "tag.x",
]
EVENTS = ["gen_ai.user.message", "gen_ai.choice", "gen_ai.client.inference.operation.details", "exception"]
KEYS = ["role", "content", "parts", "type", "text", "tool_calls", "function", "name", "arguments", "image_url", "url"]
KEYS += ["id", "message", "messages", "choices", "finish_reason", "response", "uri", "max_tokens", "seed"]
TYPES = [
    "text",
    "tool_call",
    "tool_call_response",
    "image_url",
    "refusal",
    "reasoning",
    "user",
    "assistant",
    "[{",
    "NaN",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(TYPES)
STRUCTURES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)
WRITTEN = STRUCTURES.map(json.dumps)
CUT = st.tuples(WRITTEN, st.integers(0, 40)).map(lambda drawn: drawn[0][: drawn[1]])
VALUES = STRUCTURES | WRITTEN | CUT
DRAWN = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)


@settings(deadline=None, max_examples=300)
@given(attributes=DRAWN, name=st.sampled_from(EVENTS), told=st.dictionaries(st.sampled_from([*NAMES, *KEYS]), VALUES))
def test_any_attributes_tell_of_a_call(attributes: dict[str, Attribute], name: str, told: dict[str, Attribute]) -> None:
    chat: dict[str, Attribute] = {"gen_ai.operation.name": "chat"}
    asked, answered = read({**chat, **attributes}, event(name, **told), failed=True)
    assert asked.request_id == answered.request_id
    assert 0 <= answered.usage.cached_tokens <= answered.usage.input_tokens
    assert encode(asked)
    assert encode(answered)
