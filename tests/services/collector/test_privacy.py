"""What is private in events from elsewhere is masked before it is spooled, whichever door they come by."""

import json
from pathlib import Path

import httpx

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceResponded
from tests.fixtures.planted import FORMS, planted
from tests.services.collector.conftest import Collecting, collecting

MAIL = "jane.doe@example.com"


def line(number: int, text: str) -> str:
    data = {"app": "prompt-guard", "request_id": f"r{number}", "messages": [{"role": "user", "content": text}]}
    return json.dumps({"type": "inference.responded.v1", "data": {**data, "private": {"policy": "off"}}})


def post(collector: Collecting, lines: list[str]) -> httpx.Response:
    headers = {"content-type": "application/x-ndjson"}
    body = "\n".join(lines).encode()
    return httpx.post(f"{collector.url}/v1/events", content=body, headers=headers, timeout=60, trust_env=False)


def test_no_planted_value_is_on_the_spool_in_any_form(tmp_path: Path) -> None:
    values = planted(11)
    lines = [line(at, value.text(form)) for at, (value, form) in enumerate((v, f) for v in values for f in FORMS)]
    with collecting(tmp_path) as collector:
        assert post(collector, lines).status_code == 202
        stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert len(collector.records()) == len(lines)
    assert {v.label for v in values if any(trace.encode() in stored for trace in v.traces())} == set()


def test_a_span_is_masked_like_an_event_and_feedback_too(tmp_path: Path) -> None:
    told = {"app": "prompt-guard", "request_id": "r1", "label": "safe", "comment": MAIL}
    with collecting(tmp_path) as collector:
        post(collector, [json.dumps({"type": "feedback.given.v1", "data": told}), line(1, MAIL)])
        given, answered = collector.records()
    assert isinstance(given, FeedbackGiven)
    assert isinstance(answered, InferenceResponded)
    assert (given.comment, answered.prompt) == ("[EMAIL]", "[EMAIL]")
    assert answered.private is not None
    assert answered.private.policy == "mask"


def test_an_event_that_marks_make_too_large_is_taken_without_its_texts(tmp_path: Path) -> None:
    with collecting(tmp_path) as collector:
        assert post(collector, [line(1, "::a1:2 a@b.cd " * 70_000)]).status_code == 202
        (record,) = collector.records()
    assert isinstance(record, InferenceResponded)
    assert record.private is not None
    assert record.private.policy == "drop-text"


def test_a_rejection_does_not_repeat_what_it_refuses(tmp_path: Path) -> None:
    with collecting(tmp_path) as collector:
        refused = post(
            collector, [json.dumps({"type": "inference.responded.v1", "data": {"app": 7, "messages": MAIL}})]
        )
    assert refused.status_code == 400
    assert MAIL not in refused.text
