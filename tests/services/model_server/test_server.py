"""The server over HTTP, with the tiny model: OpenAI's and vLLM's protocols as clients see them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from schemas.configuration import App, Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.settings import Settings
from services.model_server.application import base_model_of, build_application
from services.model_server.waiting import Limits
from tests.fixtures.tiny_model import make_tiny_adapter, messages_of
from tests.fixtures.waiting import equals, until
from tests.services.model_server.running import BASE, CHAT, Running, data_with, hold


@pytest.fixture(scope="module")
def data(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_with(tiny_model, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Running]:
    running = Running(data, Limits())
    yield running
    running.close()


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_adapter(tiny_model, tmp_path_factory.mktemp("adapters") / "one", seed=5)


def test_a_choice_is_answered_with_one_of_the_choices(server: Running) -> None:
    answer = server.ask(guided_choice=["safe", "unsafe"], max_tokens=4).json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == BASE
    choice = answer["choices"][0]
    assert choice["message"]["content"] in ("safe", "unsafe")
    assert choice["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_both_forms_of_a_choice_give_the_same_answer(server: Running) -> None:
    guided = server.ask(guided_choice=["soup", "river"]).json()
    structured = server.ask(structured_outputs={"choice": ["soup", "river"]}).json()
    assert guided["choices"] == structured["choices"]


def test_text_is_as_long_as_asked_and_a_seed_repeats_it(server: Running) -> None:
    first, second = (server.ask(max_tokens=6, seed=4).json() for _ in range(2))
    assert first["usage"]["completion_tokens"] == 6
    assert first["choices"][0]["finish_reason"] == "length"
    assert first["choices"] == second["choices"]


def test_a_stream_says_what_the_whole_answer_says(server: Running) -> None:
    fields: dict[str, Any] = {"max_tokens": 8, "temperature": 0}
    whole = server.ask(**fields).json()
    stream = server.ask(**fields, stream=True, stream_options={"include_usage": True})
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in stream.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1])
    assert said == whole["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole["usage"]


def test_a_stream_without_usage_asked_for_has_none(server: Running) -> None:
    assert '"usage"' not in server.ask(guided_choice=["safe", "unsafe"], stream=True).text


def test_an_adapter_is_listed_answers_and_goes_in_vllms_words(server: Running, adapter: Path) -> None:
    loaded = server.load("guard-v1.0", adapter)
    assert (loaded.status_code, loaded.text) == (200, "Success: LoRA adapter 'guard-v1.0' added successfully.")
    listed = {model["id"]: model for model in server.models()}
    assert listed["guard-v1.0"]["parent"] == BASE
    assert listed["guard-v1.0"]["root"] == str(adapter)
    assert listed[BASE]["parent"] is None
    assert server.ask(model="guard-v1.0", max_tokens=1).status_code == 200

    again = server.load("guard-v1.0", adapter)
    assert again.status_code == 400
    assert "has already been loaded" in again.json()["error"]["message"]

    assert server.unload("guard-v1.0").text == "Success: LoRA adapter 'guard-v1.0' removed successfully."
    assert [model["id"] for model in server.models()] == [BASE]
    assert server.ask(model="guard-v1.0").status_code == 404
    assert server.unload("guard-v1.0").status_code == 404
    assert server.ask(guided_choice=["safe", "unsafe"]).status_code == 200


def test_a_call_accepted_before_its_adapter_was_unloaded_is_still_answered(server: Running, adapter: Path) -> None:
    server.load("leaving", adapter)
    held, release = hold(server)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(server.ask, model="leaving", guided_choice=["safe", "unsafe"])
        until(lambda: len(server.room), equals(1))
        assert server.unload("leaving").status_code == 200
        assert server.ask(model="leaving").status_code == 404
        release.set()
        assert asked.result().status_code == 200
    assert held.is_set()


def test_adapters_answer_side_by_side(server: Running, adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    server.load("one", adapter)
    server.load("two", make_tiny_adapter(tiny_model, tmp_path / "two", seed=6))
    names = [BASE, "one", "two"] * 8
    fields: dict[str, Any] = {"guided_choice": ["soup", "river", "garden", "bread", "poison"]}
    alone = {name: server.ask(model=name, **fields).json()["choices"] for name in names[:3]}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda name: server.ask(model=name, **fields).json()["choices"], names))
    assert answers == [alone[name] for name in names]
    server.unload("one")
    server.unload("two")


def test_an_adapter_that_is_none_is_refused(server: Running, tmp_path: Path) -> None:
    missing = server.load("x", tmp_path / "nowhere")
    assert missing.status_code == 404
    assert missing.json()["error"]["type"] == "NotFoundError"
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "target_modules": ["q_proj"]}')
    assert server.load("x", tmp_path).status_code == 400
    assert server.client.post("/v1/load_lora_adapter", json={"lora_name": "x"}).status_code == 400
    assert [model["id"] for model in server.models()] == [BASE]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model": "nobody"}, 404),
        ({"prompt": "soup " * 300}, 400),
        ({"max_tokens": 1000}, 400),
        ({"guided_choice": ["same", "same"]}, 400),
        ({"n": 17}, 400),
        ({"response_format": {"type": "json_object"}}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_as_openai_does(server: Running, fields: Any, status: int) -> None:
    refused = server.ask(**fields)
    assert refused.status_code == status
    assert set(refused.json()["error"]) == {"message", "type", "param", "code"}


def test_malformed_json_is_refused(server: Running) -> None:
    refused = server.client.post(CHAT, content=b"{")
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, "the body is not JSON")


def test_a_client_that_leaves_takes_its_job_with_it(server: Running) -> None:
    _, release = hold(server)
    before = server.metric("driftloop_model_server_batch_rows_count")
    with closing(HTTPConnection(server.client.base_url.netloc.decode())) as client:
        asked = {"model": BASE, "messages": messages_of("soup"), "guided_choice": ["a", "b"]}
        client.request("POST", CHAT, json.dumps(asked))
        until(lambda: len(server.room), equals(1))
    until(lambda: server.metric('driftloop_model_server_refused_total{status="499"}'))
    release.set()
    until(lambda: len(server.room), equals(0))
    assert server.metric("driftloop_model_server_batch_rows_count") == before


def test_metrics_have_vllms_names(server: Running) -> None:
    server.ask(guided_choice=["safe", "unsafe"])
    text = server.client.get("/metrics").text
    for name in ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:prompt_tokens_total"):
        assert name in text
    assert server.metric("vllm:e2e_request_latency_seconds_count") >= 1


def test_a_full_queue_asks_to_come_back_later(data: Path) -> None:
    full = Running(data, Limits(waiting=1))
    _, release = hold(full)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(full.ask, guided_choice=["safe", "unsafe"])
        until(lambda: len(full.room), equals(1))
        refused = full.ask(guided_choice=["safe", "unsafe"])
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        release.set()
        assert waiting.result().status_code == 200
    full.close()


def test_apps_must_agree_on_the_base_model_or_be_served_elsewhere() -> None:
    one, other = App(name="a", base_model="x"), App(name="b", base_model="y")
    elsewhere = App(name="b", base_model="y", upstreams=("http://vllm:8000",))
    assert base_model_of(Configuration(apps=(one, elsewhere)), {}) == "x"
    assert base_model_of(Configuration(apps=(one, other)), {"DRIFTLOOP_BASE_MODEL": "z"}) == "z"
    with pytest.raises(BadConfiguration, match="serves one base model, not 2"):
        base_model_of(Configuration(apps=(one, other)), {})


def test_an_unknown_base_model_stops_the_start(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path)})
    with pytest.raises(BadConfiguration, match="'no-such-model'"):
        build_application(settings, Configuration(apps=(App(name="a", base_model="no-such-model"),)))
