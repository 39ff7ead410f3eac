"""Texts over HTTP, with a tiny model that can write anything: as OpenAI's clients ask and read."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.model_server.waiting import Limits
from tests.fixtures.tiny_model import make_tiny_adapter
from tests.fixtures.waiting import equals, until
from tests.services.model_server.running import BASE, Running, data_with, hold

SCHEMA = {
    "type": "object",
    "properties": {"kind": {"enum": ["bug", "wish"]}, "urgent": {"type": "boolean"}},
    "required": ["kind", "urgent"],
    "additionalProperties": False,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"day": {"enum": ["today", "tomorrow"]}},
            "required": ["day"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(scope="module")
def server(tiny_writer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(data_with(tiny_writer, tmp_path_factory.mktemp("data")), Limits())
    yield running
    running.close()


def chunks(server: Running, **fields: Any) -> list[dict[str, Any]]:
    stream = server.ask(**fields, stream=True)
    events = [line.removeprefix("data: ") for line in stream.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def said(parts: list[dict[str, Any]], index: int = 0) -> str:
    choices = [choice for part in parts for choice in part["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@pytest.mark.parametrize("seed", range(6))
def test_a_stream_of_any_bytes_says_what_the_whole_answer_says(server: Running, seed: int) -> None:
    fields: dict[str, Any] = {"max_tokens": 60, "seed": seed, "temperature": 1.4}
    whole = server.ask(**fields).json()["choices"][0]
    parts = chunks(server, **fields)
    assert said(parts) == whole["message"]["content"]
    assert parts[-1]["choices"][0]["finish_reason"] == whole["finish_reason"]


def test_a_stop_text_across_tokens_ends_the_answer_and_is_not_in_it(server: Running) -> None:
    fields: dict[str, Any] = {"max_tokens": 60, "seed": 3}
    whole = server.ask(**fields, logprobs=True).json()["choices"][0]
    tokens = [entry["token"] for entry in whole["logprobs"]["content"]]
    text = whole["message"]["content"]
    at = next(at for at in range(8, 40) if all("\ufffd" not in part for part in tokens[at : at + 3]))
    stop = tokens[at][-1:] + tokens[at + 1] + tokens[at + 2][:1]
    cut = server.ask(**fields, logprobs=True, stop=["never to be seen", stop]).json()["choices"][0]
    assert cut["message"]["content"] == text[: text.index(stop)]
    assert cut["finish_reason"] == "stop"
    assert said(chunks(server, **fields, stop=stop)) == cut["message"]["content"]
    spelled = b"".join(bytes(entry["bytes"]) for entry in cut["logprobs"]["content"]).decode(errors="replace")
    assert spelled.startswith(cut["message"]["content"])
    assert len(cut["logprobs"]["content"]) < len(tokens)


def test_likelihoods_have_openais_shape_whole_and_streamed(server: Running) -> None:
    fields: dict[str, Any] = {"max_tokens": 8, "temperature": 0, "logprobs": True, "top_logprobs": 3}
    content = server.ask(**fields).json()["choices"][0]["logprobs"]["content"]
    assert len(content) == 8
    for entry in content:
        assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
        assert len(entry["top_logprobs"]) == 3
        assert entry["logprob"] == entry["top_logprobs"][0]["logprob"] <= 0
    choices = [part["choices"][0] for part in chunks(server, **fields)]
    assert [entry for choice in choices for entry in (choice["logprobs"] or {"content": []})["content"]] == content
    assert server.ask(max_tokens=2).json()["choices"][0]["logprobs"] is None


def test_several_answers_differ_and_their_tokens_are_all_counted(server: Running) -> None:
    fields: dict[str, Any] = {"max_tokens": 12, "n": 3, "seed": 5}
    answer = server.ask(**fields).json()
    texts = [choice["message"]["content"] for choice in answer["choices"]]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len(set(texts)) == 3
    assert answer["usage"]["completion_tokens"] <= 36
    assert texts[0] == server.ask(max_tokens=12, seed=5).json()["choices"][0]["message"]["content"]
    parts = chunks(server, **fields)
    assert [said(parts, index) for index in range(3)] == texts


def test_json_is_what_its_schema_says_in_each_way_to_ask(server: Running) -> None:
    ways: list[dict[str, Any]] = [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
        {"structured_outputs": {"json": SCHEMA}},
    ]
    for way in ways:
        choice = server.ask(**way, max_tokens=200).json()["choices"][0]
        assert choice["finish_reason"] == "stop"
        verdict = json.loads(choice["message"]["content"])
        assert verdict["kind"] in ("bug", "wish")
    parts = chunks(server, **ways[0], max_tokens=200)
    assert set(json.loads(said(parts))) == {"kind", "urgent"}


def test_a_schema_that_cannot_be_kept_to_is_refused(server: Running) -> None:
    refused = server.ask(structured_outputs={"json": {"type": "soup"}})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "response_format")


def test_a_required_tool_is_called_whole_and_streamed(server: Running) -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    for choice in ("required", named):
        fields: dict[str, Any] = {
            "tools": [WEATHER],
            "tool_choice": choice,
            "parallel_tool_calls": False,
            "max_tokens": 300,
        }
        answer = server.ask(**fields).json()["choices"][0]
        assert (answer["finish_reason"], answer["message"]["content"]) == ("tool_calls", None)
        called = answer["message"]["tool_calls"][0]
        assert (called["type"], called["function"]["name"]) == ("function", "weather")
        assert json.loads(called["function"]["arguments"])["day"] in ("today", "tomorrow")
        parts = chunks(server, **fields)
        assert said(parts) == ""
        deltas = [call for part in parts for call in part["choices"][0]["delta"].get("tool_calls", ())]
        assert (deltas[0]["index"], deltas[0]["function"]["name"]) == (0, "weather")
        assert parts[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_text_that_calls_no_tool_stays_text(server: Running) -> None:
    fields: dict[str, Any] = {"tools": [WEATHER], "max_tokens": 12, "seed": 2}
    choice = server.ask(**fields).json()["choices"][0]
    assert "tool_calls" not in choice["message"]
    assert said(chunks(server, **fields)) == choice["message"]["content"] != ""


def test_a_completion_goes_on_with_each_prompt(server: Running) -> None:
    def complete(**fields: Any) -> Any:
        return server.client.post("/v1/completions", json={"model": BASE, "max_tokens": 6, "seed": 1, **fields})

    one = complete(prompt="soup", logprobs=2).json()
    assert (one["object"], len(one["choices"])) == ("text_completion", 1)
    told = one["choices"][0]["logprobs"]
    assert len(told["tokens"]) == len(told["token_logprobs"]) == len(told["text_offset"]) == 6
    assert all(len(top) == 2 for top in told["top_logprobs"])
    two = complete(prompt=["soup", "river"], n=2).json()
    assert [choice["index"] for choice in two["choices"]] == [0, 1, 2, 3]
    assert two["choices"][0]["text"] == one["choices"][0]["text"]
    stream = complete(prompt="soup", stream=True).text
    parts = [json.loads(line.removeprefix("data: ")) for line in stream.split("\n\n")[:-2]]
    assert "".join(part["choices"][0]["text"] for part in parts) == one["choices"][0]["text"]
    assert complete(prompt=[999_999]).status_code == 400
    assert complete(prompt="").status_code == 400


def test_many_callers_of_several_adapters_get_what_each_gets_alone(
    server: Running, tiny_writer: Path, tmp_path: Path
) -> None:
    for name, seed in (("one", 5), ("two", 6)):
        assert server.load(name, make_tiny_adapter(tiny_writer, tmp_path / name, seed=seed)).status_code == 200
    calls = [{"model": name, "prompt": text} for name in (BASE, "one", "two") for text in ("soup", "the river is")] * 4
    fields: dict[str, Any] = {"max_tokens": 20, "temperature": 0}
    alone = [server.ask(**call, **fields).json()["choices"] for call in calls[:6]]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda call: server.ask(**call, **fields).json()["choices"], calls))
    assert answers == alone * 4
    assert server.metric("driftloop_model_server_text_rows_sum") > server.metric(
        "driftloop_model_server_text_rows_count"
    )
    server.unload("one")
    server.unload("two")


def test_an_adapter_that_is_unloaded_while_it_writes_finishes_its_texts(
    server: Running, tiny_writer: Path, tmp_path: Path
) -> None:
    server.load("leaving", make_tiny_adapter(tiny_writer, tmp_path / "leaving", seed=7))
    _, release = hold(server)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(server.ask, model="leaving", max_tokens=20)
        until(lambda: len(server.room), equals(1))
        assert server.unload("leaving").status_code == 200
        release.set()
        assert asked.result().json()["usage"]["completion_tokens"] <= 20
    assert server.ask(max_tokens=2).status_code == 200


def test_a_stream_that_its_client_leaves_makes_room(server: Running) -> None:
    with server.client.stream(
        "POST",
        "/v1/completions",
        json={"model": BASE, "prompt": "soup", "max_tokens": 1000, "stream": True, "stop": "never"},
    ) as stream:
        next(stream.iter_lines())
    until(lambda: server.metric("vllm:num_requests_running"), equals(0.0))
