"""What is private in a call is masked before it is spooled, and reaches the upstream as the client wrote it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil

from schemas.configuration import Privacy
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from services.gateway.recording.entries import MOST_AT_HAND
from services.gateway.recording.events import SPARE
from tests.fixtures.planted import FORMS, Planted, planted
from tests.fixtures.waiting import at_least, until
from tests.services.gateway.conftest import APP, Running, Start

MAIL = "jane.doe@example.com"


def call(gateway: Running, text: str, **more: Any) -> httpx.Response:
    body = {"model": APP, "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=60, trust_env=False)


def spool(gateway: Running) -> bytes:
    return b"".join(file.read_bytes() for file in (gateway.data / "gateway").rglob("*") if file.is_file())


def left(values: tuple[Planted, ...], stored: bytes) -> set[str]:
    return {value.label for value in values if any(trace.encode() in stored for trace in value.traces())}


def test_no_planted_value_is_on_the_spool_in_any_form_and_the_upstream_sees_each(start: Start) -> None:
    gateway, values = start(spool_bytes=64 << 20), planted()
    for value in values:
        for form in FORMS:
            assert call(gateway, value.text(form)).status_code == 200

    sent = [body["messages"][0]["content"] for body in gateway.echo.bodies]
    assert sent == [value.text(form) for value in values for form in FORMS]
    assert left(values, spool(gateway)) == set()
    assert len(gateway.events()) == 2 * len(sent)


def test_under_off_the_same_search_finds_them(start: Start) -> None:
    gateway, values = start(privacy=Privacy(policy="off"), spool_bytes=64 << 20), planted()
    for value in values:
        call(gateway, value.text("plain"))

    assert left(values, spool(gateway)) == {value.label for value in values}


def test_both_events_say_what_was_found(start: Start) -> None:
    gateway = start()
    call(gateway, f"write to {MAIL}")

    asked, answered = gateway.events()
    assert isinstance(asked, InferenceRequested)
    assert isinstance(answered, InferenceResponded)
    assert asked.private is not None
    assert answered.private is not None
    assert (asked.private.counts, answered.private.counts) == ({"EMAIL": 1}, {"EMAIL": 2})
    assert (asked.prompt, answered.answer) == ("write to [EMAIL]", "write to [EMAIL]")


def test_streamed_answers_errors_and_feedback_are_masked_too(start: Start) -> None:
    gateway = start()
    call(gateway, f"hang-up after {MAIL}", stream=True)
    judged = {"app": APP, "request_id": "r1", "label": "safe", "comment": f"ask {MAIL}"}
    assert httpx.post(f"{gateway.url}/v1/feedback", json=judged, trust_env=False).status_code == 202

    given = gateway.events()[-1]
    assert isinstance(given, FeedbackGiven)
    assert given.comment == "ask [EMAIL]"
    assert MAIL.encode() not in spool(gateway)


def test_a_value_at_the_cut_of_a_text_that_is_too_large_leaves_no_half(start: Start) -> None:
    gateway = start(spool_bytes=64 << 20)
    for shift in range(0, SPARE + 64, 1999):
        before = "word " * ((60_000 + SPARE - shift) // 5)
        call(gateway, before + f"{MAIL} 4111 1111 1111 1111 " * 40_000)

    stored = spool(gateway)
    assert b"jane.do" not in stored
    assert b"4111 11" not in stored
    assert b"truncated" in stored


def test_keys_of_pseudonyms_are_made_for_hash_alone(start: Start, tmp_path: Path) -> None:
    gateway = start(privacy=Privacy(policy="hash"))
    call(gateway, f"write to {MAIL}")

    (asked, _) = gateway.events()
    assert isinstance(asked, InferenceRequested)
    assert asked.prompt.startswith("write to [EMAIL:1.")
    assert [path.name for path in (tmp_path / "privacy-keys").iterdir()] == ["1.key"]
    assert json.dumps(MAIL)[1:-1].encode() not in spool(gateway)


def judgements_with(text: str) -> list[dict[str, Any]]:
    called = {"id": "c", "function": {"name": "send", "arguments": text}}
    judged: list[dict[str, Any]] = [
        {"correction": text, "comment": text},
        {"correction": {"to": text, "n": [text]}},
        {"correction": {"role": "assistant", "content": text, "tool_calls": [called]}},
        {"preferred": text, "rejected": {"role": "assistant", "tool_calls": [called]}},
        {"rejected": {"text": text}, "user": text},
    ]
    return [{"request_id": "r", **one} for one in judged]


def test_nothing_private_of_feedback_is_on_the_spool_whatever_it_is_said_in(start: Start) -> None:
    gateway, values = start(spool_bytes=64 << 20, labels=()), planted()
    for value in values:
        judged = [one for form in FORMS for one in judgements_with(value.text(form))]
        given = httpx.post(f"{gateway.url}/v1/feedback", json=judged, timeout=60, trust_env=False)
        assert given.status_code == 202
    assert left(values, spool(gateway)) == set()
    assert len(gateway.events()) == 5 * len(values) * len(FORMS)


def readers() -> list[psutil.Process]:
    found = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in found if "services.gateway.recording.reader" in child.cmdline()]


def test_calls_are_answered_while_a_long_text_is_being_read(start: Start) -> None:
    gateway = start(spool_bytes=64 << 20)
    long = "123 456 789 " * (2 * MOST_AT_HAND // 12) + MAIL
    assert call(gateway, long).status_code == 200
    (reader,) = readers()
    reader.suspend()
    try:
        with ThreadPoolExecutor(2) as callers:
            waiting = [callers.submit(call, gateway, f"{long} again", stream=stream) for stream in (False, True)]
            until(lambda: len(gateway.echo.bodies), at_least(3))
            assert [call(gateway, f"hello {number}").status_code for number in range(3)] == [200] * 3
            assert not any(one.done() for one in waiting)
            reader.resume()
            assert [one.result().status_code for one in waiting] == [200, 200]
    finally:
        reader.resume()
    assert len(gateway.events()) == 2 * 6
    assert MAIL.encode() not in spool(gateway)
