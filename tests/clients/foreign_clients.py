"""LiteLLM and LangChain against a real gateway and collector: each call is answered as straight, and recorded.

Not collected with the other tests: `make test-clients` brings the environment that the clients run in and then
names this file.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.inference import InferenceRequested, InferenceResponded
from tests.services.collector.conftest import Collecting, collecting
from tests.services.gateway.conftest import APP
from tests.services.gateway.stub_api import BASE, FORMED, TEXT, TOOL, Fronted, fronted

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
CLIENTS = ("litellm", "langchain")
WAYS = ("straight", "through")
LIMIT_S = 500
CALL = ["call_1", TOOL["name"], TOOL["arguments"]]
SAID = {
    "sync": TEXT,
    "async": TEXT,
    "streamed": TEXT,
    "async streamed": TEXT,
    "tools": "",
    "tool result": TEXT,
    "structured": FORMED,
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    with fronted(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collecting]:
    with collecting(tmp_path_factory.mktemp("collector")) as running:
        yield running


@pytest.fixture(scope="module")
def got(
    gateway: Fronted, collector: Collecting, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, dict[str, Any]]]:
    """What each client got of each call, each way."""
    found = {}
    for client in CLIENTS:
        folder = tmp_path_factory.mktemp(client)
        shutil.copy(ROOT / "services" / "clients" / "litellm_callback.py", folder)
        config = folder / "config.yaml"
        script = ROOT / "tests" / "clients" / f"{client}_calls.py"
        arguments = (gateway.straight, gateway.url, BASE, APP, str(config))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "DRIFTLOOP_COLLECTOR_URL": collector.url,
            "DRIFTLOOP_APP": APP,
        }
        subprocess.run([PYTHON, script, *arguments], env=environment, check=True, timeout=LIMIT_S, cwd=folder)
        found[client] = json.loads((folder / "got.json").read_text())
    return found


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", [*SAID, "refused"])
def test_a_call_is_answered_as_straight(got: dict[str, Any], client: str, name: str) -> None:
    answer = got[client][name]
    assert answer["through"] == answer["straight"]
    if name == "refused":
        assert answer["through"] == {"status": 429, "retry_after": "7"}
        return
    through = answer["through"]
    assert (through["text"] or "", through["usage"]) == (SAID[name], [12, 4, 7])
    assert through["calls"] == ([CALL] if name == "tools" else [])


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", [*SAID, "refused"])
def test_a_call_is_on_the_gateways_record(got: dict[str, Any], gateway: Fronted, client: str, name: str) -> None:
    assert got
    asked, answered = gateway.only_call(f"{client} {name} through")
    assert_recorded(asked, answered, name)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [*SAID, "refused"])
def test_litellms_callback_tells_the_collector(got: dict[str, Any], collector: Collecting, name: str, way: str) -> None:
    assert got
    session = f"litellm {name} {way}"
    asked, answered = [record for record in collector.records() if getattr(record, "session_id", "") == session]
    assert isinstance(asked, InferenceRequested)
    assert isinstance(answered, InferenceResponded)
    assert_recorded(asked, answered, name)
    assert asked.user_id not in ("", "ada")
    assert (asked.model, asked.tags["provider"]) == (BASE if way == "straight" else APP, "openai")


def assert_recorded(asked: InferenceRequested, answered: InferenceResponded, name: str) -> None:
    """The record of a call has what was asked and answered, whoever made it."""
    if name == "refused":
        assert (asked.prompt, answered.error_type, answered.output) == ("status:429", "429", None)
        assert "as ordered" in answered.error_message
        return
    usage = answered.usage
    assert (asked.app, asked.prompt, answered.answer) == (APP, "How is the weather?", SAID[name])
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens) == (12, 4, 7, 3)
    assert answered.finish_reason == ("tool_calls" if name == "tools" else "stop")
    assert (asked.sampling.stream, answered.ttft_ms is not None) == ("streamed" in name, "streamed" in name)
    assert answered.output is not None
    calls = [[call.id, call.name, call.arguments] for call in answered.output.tool_calls]
    assert calls == ([CALL] if name == "tools" else [])
    declared = [tool.name for tool in asked.tools]
    assert declared == ([TOOL["name"]] if name in ("tools", "tool result") else [])
    if name == "tool result":
        assert [[call.id, call.name] for call in asked.messages[1].tool_calls] == [CALL[:2]]
        assert (asked.messages[2].tool_call_id, asked.messages[2].text) == ("call_1", "21 degrees")
