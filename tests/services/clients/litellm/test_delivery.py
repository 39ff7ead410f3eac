"""LiteLLM's callback and a collector that is away, full, particular or slow; and the end of the process."""

import asyncio
import importlib.util
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.inference import InferenceResponded
from services.clients import litellm_callback
from services.clients.litellm_callback import DriftloopCallback, Wishes, events_of
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.services.clients.litellm.conftest import QUICK, logged
from tests.services.collector.conftest import Collecting


@pytest.fixture(autouse=True)
def level(caplog: pytest.LogCaptureFixture) -> None:
    """LiteLLM's own, whatever level a process of ours that ran in this one has left behind."""
    caplog.set_level(logging.WARNING)


def test_a_call_that_is_logged_twice_is_the_same_events_again() -> None:
    call = logged()
    assert events_of(call, "") == events_of(call, "")
    other = logged(litellm_call_id="call-2")
    assert events_of(other, "")[0] != events_of(call, "")[0]


def test_calls_wait_while_the_collector_is_away_and_all_arrive_once_it_is_there(
    served: Callable[..., Collecting], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    callback = DriftloopCallback(Wishes(f"http://127.0.0.1:{port}", **QUICK))

    async def log_all() -> None:
        for number in range(50):
            await callback.async_log_success_event(logged(litellm_call_id=f"call-{number}", id=f"r-{number}"), 0, 0, 0)

    started = time.perf_counter()
    asyncio.run(log_all())
    assert time.perf_counter() - started < PATIENCE_S / 10
    until(lambda: "does not take calls" in caplog.text)
    assert callback.sender.waiting == 50
    collector = served(port)
    until(lambda: callback.sender.waiting, equals(0))
    answered = [record.request_id for record in collector.records() if isinstance(record, InferenceResponded)]
    assert answered == [f"r-{number}" for number in range(50)]
    callback.close()
    assert caplog.text.count("does not take calls") == caplog.text.count("takes calls again") == 1


def test_what_does_not_fit_in_the_queue_is_counted_and_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    wishes = QUICK | {"flush_s": 0.2}
    callback = DriftloopCallback(Wishes(f"http://127.0.0.1:{free_port()}", waiting_bytes=10_000, **wishes))
    for number in range(20):
        callback.log_success_event(logged(litellm_call_id=f"call-{number}"), None, None, None)
    fit = callback.sender.waiting
    assert 0 < fit < 20
    assert callback.sender.dropped == 20 - fit
    callback.close()
    assert callback.sender.dropped == 20
    lines = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
    assert lines[-1].startswith("driftloop: 20 calls dropped")
    assert len(lines) <= 2
    assert "Hello" not in caplog.text


def test_what_was_sent_makes_room(collector: Collecting) -> None:
    size = len(b",".join(events_of(logged(), "")))
    callback = DriftloopCallback(Wishes(collector.url, waiting_bytes=2 * size, **QUICK))
    for number in range(5):
        callback.log_success_event(logged(litellm_call_id=f"c-{number}"), None, None, None)
        until(lambda: callback.sender.waiting, equals(0))
    callback.close()
    assert callback.sender.dropped == 0


def test_the_end_of_the_process_waits_for_what_is_queued_and_later_calls_are_sent_there_and_then(
    served: Callable[..., Collecting],
) -> None:
    collector = served()
    callback = DriftloopCallback(Wishes(collector.url, **QUICK))
    for number in range(100):
        callback.log_success_event(logged(litellm_call_id=f"call-{number}"), None, None, None)
    callback.close()
    assert len(collector.records()) == 200
    callback.log_success_event(logged(litellm_call_id="last"), None, None, None)
    assert len(collector.records()) == 202


def test_what_the_collector_refuses_is_counted_and_costs_no_other(
    collector: Collecting, caplog: pytest.LogCaptureFixture
) -> None:
    before = len(collector.records())
    callback = DriftloopCallback(Wishes(collector.url, **QUICK))
    for group in ("nobody", "prompt-guard"):
        callback.log_failure_event(logged(model_group=group, status="failure"), None, None, None)
    callback.close()
    assert len(collector.records()) - before == 2
    assert callback.sender.rejected == 2
    assert "2 events rejected so far; last reason: no app is called 'nobody'" in caplog.text


def test_a_collector_that_asks_for_patience_gets_it_and_the_key_is_sent() -> None:
    seen: list[tuple[float, str | None]] = []

    async def events(request: Request) -> Response:
        seen.append((time.monotonic(), request.headers.get("authorization")))
        elements = await request.json()
        if len(seen) == 1:
            return Response(status_code=503, headers={"Retry-After": "1"})
        return JSONResponse({"accepted": len(elements), "rejected": []}, 202)

    with Served(Starlette(routes=[Route("/driftloop/v1/events", events, methods=["POST"])])) as there:
        wishes = QUICK | {"longest_wait_s": 5.0}
        callback = DriftloopCallback(Wishes(there.url + "/driftloop/", key="k-1", **wishes))
        callback.log_success_event(logged(), None, None, None)
        until(lambda: callback.sender.waiting, equals(0))
        callback.close()
    assert [key for _, key in seen] == ["Bearer k-1"] * 2
    assert seen[1][0] - seen[0][0] >= 1


@pytest.mark.parametrize("odd", [{}, {"standard_logging_object": None}, {"standard_logging_object": {"id": "x"}}])
def test_what_cannot_be_read_is_told_once_and_raises_nothing(
    odd: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    callback = DriftloopCallback(Wishes())
    for _ in range(3):
        callback.log_success_event(odd, None, None, None)
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    callback.close()


def test_the_environment_says_where_calls_go() -> None:
    said = {"DRIFTLOOP_COLLECTOR_URL": "https://c", "DRIFTLOOP_APP": "a", "DRIFTLOOP_KEY": "k"}
    assert Wishes.from_environment(said) == Wishes("https://c", "a", "k")
    with pytest.raises(ValueError, match="DRIFTLOOP_COLLECTOR_URL is no http"):
        Wishes.from_environment({"DRIFTLOOP_COLLECTOR_URL": "collector:1"})


def test_a_copy_beside_the_proxys_configuration_needs_nothing_of_the_product(tmp_path: Path) -> None:
    """LiteLLM executes the file without making a module of it known."""
    copy = tmp_path / "driftloop_callback.py"
    copy.write_text(Path(litellm_callback.__file__).read_text())
    spec = importlib.util.spec_from_file_location("driftloop_callback", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.driftloop.sender.wishes.url == "http://127.0.0.1:18090"
