"""What a replica's answer to a load means: taken, refused for good, or to be tried again."""

import json
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from services.rollout.vllm_replica import LoadRefused, Replica, ReplicaDown
from tests.fixtures.http import Served

_MENDED = "VLLM_ALLOW_RUNTIME_LORA_UPDATING"


def vllm(message: str, kind: str, code: int) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def answering(status: int, body: dict[str, Any]) -> ASGIApp:
    return JSONResponse(body, status)


def load(version: str, path: str, status: int, body: dict[str, Any]) -> None:
    with Served(answering(status, body)) as server, httpx.Client() as client:
        Replica(client, server.url).load(version, path)


HELD = "The lora adapter 'guard-v3' has already been loaded."


@pytest.mark.parametrize(
    "body",
    [
        vllm(f"{HELD} If you want to load the adapter in place, set 'load_inplace' to True.", "InvalidUserInput", 400),
        {"object": "error", "message": HELD, "type": "InvalidUserInput", "param": None, "code": 400},
        {"object": "error", "message": HELD.replace("been loaded", "beenloaded"), "code": 400},
    ],
)
def test_a_version_that_the_replica_says_it_holds_is_loaded(body: dict[str, Any]) -> None:
    load("guard-v3", "/adapters/guard-v3", 400, body)


@pytest.mark.parametrize(
    ("version", "path", "status", "body"),
    [
        (
            "guard-v4",
            "/adapters/already-merged/guard-v4",
            404,
            vllm(
                "Loading lora guard-v4 failed: No adapter found for /adapters/already-merged/guard-v4", "NotFound", 404
            ),
        ),
        (
            "already-quantised-1",
            "/adapters/a1",
            400,
            vllm("LoRA rank 64 of already-quantised-1 is greater than max_lora_rank 16.", "BadRequestError", 400),
        ),
        ("guard-v4", "/adapters/guard-v4", 400, vllm(HELD, "InvalidUserInput", 400)),
    ],
)
def test_a_refusal_with_the_word_already_in_it_is_a_refusal(
    version: str, path: str, status: int, body: dict[str, Any]
) -> None:
    with pytest.raises(LoadRefused) as refused:
        load(version, path, status, body)
    assert json.dumps(body)[:20].replace(" ", "") in str(refused.value).replace(" ", "")
    assert _MENDED not in str(refused.value)


def test_a_replica_that_is_down_is_tried_again_whatever_it_says() -> None:
    with pytest.raises(ReplicaDown):
        load("guard-v3", "/adapters/guard-v3", 500, vllm("engine is already stopped", "InternalServerError", 500))


def test_a_server_without_runtime_loading_is_refused_with_the_way_out() -> None:
    with pytest.raises(LoadRefused, match=_MENDED):
        load("guard-v3", "/adapters/guard-v3", 404, {"detail": "Not Found"})
