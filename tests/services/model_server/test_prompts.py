"""The model server reads the tokens that training reads of the same call, as the gateway recorded it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from transformers import PreTrainedTokenizerBase

from services.gateway.wire.asked import Asked, Body, asked_in, read_wire
from services.gateway.wire.surfaces import CHAT
from services.model_server.asking import chat_asked
from services.model_server.measures import Measures
from services.model_server.served import Served
from services.model_server.waiting import Limits, WaitingRoom
from services.model_server.wire.calls import parse_call
from services.model_server.worker import Worker
from services.models.base import load_tokenizer
from services.models.choices import prompt_ids
from services.models.conversations import prompt_tokens

SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}, "days": {"type": "integer"}}}
WEATHER: dict[str, Any] = {"name": "weather", "parameters": SCHEMA}
CLOCK: dict[str, Any] = {"name": "clock"}
PLAIN: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Weather"}, {"type": "text", "text": "in Rome?"}]},
]
MESSAGES: list[dict[str, Any]] = [
    *PLAIN,
    {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{ "place": "Rome" }'}},
            {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": ""}},
        ],
    },
    {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
    {"role": "tool", "content": "noon", "tool_call_id": "c2"},
    {"role": "assistant", "content": "Sunny at noon."},
    {"role": "user", "content": "And tomorrow?"},
]
KNOWS_TOOLS = (
    "{% for t in tools or [] %}<tool>{{ t | tojson }}</tool>{% endfor %}"
    "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.tool_call_id or '' }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.id }} {{ c.function | tojson }}</tool_call>{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(params=["knows no tools", "knows tools"])
def tokenizer(tiny_writer: Path, request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    loaded = load_tokenizer(tiny_writer)
    if request.param == "knows tools":
        loaded.chat_template = KNOWS_TOOLS
    return loaded


def body(messages: list[dict[str, Any]], *functions: dict[str, Any], **fields: Any) -> bytes:
    tools = {"tools": [{"type": "function", "function": function} for function in functions]} if functions else {}
    return json.dumps({"model": "tiny", "messages": messages, **tools, **fields}).encode()


def served(tokenizer: PreTrainedTokenizerBase, data: bytes) -> list[int]:
    """Return the tokens that the model would read of a call."""
    at_hand = Served(
        base="tiny", worker=Worker(WaitingRoom(Limits()), Measures(CollectorRegistry())), tokenizer=tokenizer
    )
    at_hand.context = at_hand.window = 4096
    at_hand.loaded.set()
    return list(asyncio.run(chat_asked(at_hand, parse_call(data), 0.0)).jobs[0].prompt)


def recorded(data: bytes) -> Asked:
    wire = read_wire(data)
    assert wire is not None
    return asked_in(wire, Body.of(data, None), CHAT.messages)


@pytest.mark.parametrize("functions", [(WEATHER, CLOCK), ()])
def test_what_is_served_is_what_is_learnt(tokenizer: PreTrainedTokenizerBase, functions: tuple[Any, ...]) -> None:
    data = body(MESSAGES, *functions)
    record = recorded(data)
    assert len(record.declared.tools) == len(functions)
    read = served(tokenizer, data)
    assert read == prompt_tokens(tokenizer, record.messages, record.declared.tools)
    text = tokenizer.decode(read)
    assert all(part in text for part in ("Be brief.", "in Rome?", '"Rome"', "clock", "sunny", "noon", "tomorrow"))


def test_a_template_that_knows_no_tools_is_told_of_none(tiny_writer: Path) -> None:
    tokenizer = load_tokenizer(tiny_writer)
    assert served(tokenizer, body(MESSAGES, WEATHER)) == served(tokenizer, body(MESSAGES))


def test_a_description_reaches_a_template_that_knows_tools(tiny_writer: Path) -> None:
    tokenizer = load_tokenizer(tiny_writer)
    tokenizer.chat_template = KNOWS_TOOLS
    told = tokenizer.decode(served(tokenizer, body(PLAIN, WEATHER | {"description": "Foretells rain"})))
    assert "Foretells rain" in told
    assert "description" not in tokenizer.decode(served(tokenizer, body(PLAIN, WEATHER)))


def test_a_call_for_a_choice_is_read_as_the_gate_reads_it(tokenizer: PreTrainedTokenizerBase) -> None:
    as_judged = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather\nin Rome?"}]
    asked = served(tokenizer, body(PLAIN, structured_outputs={"choice": ["fair", "foul"]}))
    assert asked == prompt_ids(tokenizer, as_judged)
