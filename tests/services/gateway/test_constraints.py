"""The gateway holds chats to the app's labels, copies for shadows too, and leaves every other call alone."""

import json
from typing import Any

import httpx
import pytest

from schemas.inference import InferenceResponded
from schemas.learning import Route
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.behind import ASKED, Before, answer
from tests.services.gateway.conftest import APP, Start

CHOICE = {"choice": ["safe", "unsafe"]}
NAMED = {"constrain": "vllm"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/openai/v1/chat/completions"])
@pytest.mark.parametrize("more", [{}, {"stream": True}], ids=["whole", "streamed"])
def test_a_chat_is_held_to_the_labels_and_its_record_says_so(before: Before, path: str, more: dict[str, Any]) -> None:
    behind = before(answer(), app=NAMED)
    behind.post(ASKED | {"metadata": {"slice": "new"}} | more, path)
    assert json.loads(behind.sent.body)["structured_outputs"] == CHOICE
    for event in behind.told():
        assert (event.tags["constrained"], set(event.tags)) == ("labels", {"constrained", "slice"})


def test_nothing_is_added_unless_the_dialect_is_named(before: Before) -> None:
    behind = before(answer(), app={})
    behind.post(ASKED)
    assert json.loads(behind.sent.body) == ASKED | {"model": "echo-base"}
    assert "constrained" not in behind.told()[0].tags


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("completions", {"model": APP, "prompt": "Is it safe?"}),
        ("embeddings", {"model": APP, "input": "a text"}),
        ("responses", {"model": APP, "input": "a text"}),
        ("rerank", {"model": APP, "query": "a text"}),
    ],
)
def test_only_chats_are_held_to_labels(before: Before, path: str, asked: dict[str, Any]) -> None:
    behind = before({"object": "whatever"}, app=NAMED)
    behind.post(asked, f"/v1/{path}")
    assert json.loads(behind.sent.body) == asked | {"model": "echo-base"}


def test_a_copy_for_a_shadow_is_held_to_the_labels_too(start: Start) -> None:
    stable = Route(adapter_version="v1", variant="stable", weight=1.0)
    shadow = Route(adapter_version="v2", variant="shadow", mirror=1.0)
    gateway = start(stable, shadow, models=["v1", "v2"], **NAMED)
    httpx.post(f"{gateway.url}/v1/chat/completions", json=ASKED, timeout=PATIENCE_S)
    until(lambda: sum(isinstance(event, InferenceResponded) for event in gateway.events()) == 2)
    assert {body["model"]: body["structured_outputs"] for body in gateway.echo.bodies} == {"v1": CHOICE, "v2": CHOICE}


def test_what_the_upstream_says_of_a_constraint_is_the_answer(before: Before) -> None:
    behind = before(answer(), app=NAMED, refuses=b"structured_outputs")
    refused = behind.post(ASKED)
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, "unknown field")
