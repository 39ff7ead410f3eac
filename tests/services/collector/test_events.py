"""POST /v1/events through a real collector: three forms, judged element by element."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from schemas.codec import MAX_EVENT_BYTES
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested
from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector.conftest import Collecting, Start
from tests.services.collector.judge import calls, events, reasons

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"


def feedback(number: int = 1, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"f-{number}",
        "source": "/import",
        "type": "feedback.given.v1",
        "data": {"app": "prompt-guard", "request_id": f"r-{number}", "label": "safe", **data},
    }


def send(collector: Collecting, content: bytes, content_type: str, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{collector.url}/v1/events",
        content=content,
        headers={"content-type": content_type, **headers},
        timeout=PATIENCE_S,
    )


def lines(*elements: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(element).encode() for element in elements)


def test_a_single_cloudevent_is_taken_with_an_id_derived_from_source_and_id(start: Start) -> None:
    collector = start()
    answers = [send(collector, json.dumps(feedback()).encode(), SINGLE) for _ in range(2)]
    one, again = collector.records()
    assert [answer.status_code for answer in answers] == [202, 202]
    assert isinstance(one, FeedbackGiven)
    assert one.event_id == again.event_id == answers[0].json()["event_ids"][0]


def test_the_envelopes_time_is_when_it_happened(start: Start) -> None:
    collector = start()
    moment = datetime.now(UTC).replace(microsecond=0)
    send(collector, json.dumps({**feedback(), "time": moment.isoformat()}).encode(), SINGLE)
    assert collector.records()[0].occurred_at == moment


def test_a_batch_takes_the_valid_and_names_the_others_by_index(start: Start) -> None:
    collector = start()
    wrong = [{**feedback(2), "specversion": "0.3"}, {**feedback(3), "type": "alerts.changed.v1"}, feedback(4, label=7)]
    response = send(
        collector, json.dumps([feedback(1), *wrong, feedback(5, app="nobody"), feedback(6)]).encode(), BATCH
    )
    answer = response.json()
    assert response.status_code == 207
    assert answer["accepted"] == 2
    assert [rejection["index"] for rejection in answer["rejected"]] == [1, 2, 3, 4]
    assert "specversion" in answer["rejected"][0]["reason"]
    assert "label" in answer["rejected"][2]["reason"]
    assert [r.request_id for r in collector.records() if isinstance(r, FeedbackGiven)] == ["r-1", "r-6"]


def test_lines_of_json_need_type_and_data_only(start: Start) -> None:
    collector = start()
    asked = {
        "type": "inference.requested.v1",
        "data": {
            "app": "prompt-guard",
            "request_id": "r-1",
            "user_id": "ada",
            "messages": [{"role": "user", "content": "hi"}],
        },
    }
    body = lines(asked, {"type": "feedback.given.v1", "data": feedback()["data"]}) + b"\n\n{cut"
    response = send(collector, body, LINES)
    request, judgement = collector.records()
    assert (response.status_code, response.json()["rejected"]) == (207, [{"index": 2, "reason": "malformed JSON"}])
    assert isinstance(request, InferenceRequested)
    assert request.user_id != "ada"
    assert request.event_id != judgement.event_id


MESSAGE = {"role": "assistant", "content": "x", "tool_calls": [{"id": "c", "name": "f", "arguments": "{}"}]}
KINDS: dict[str, Any] = {
    "score": 0.5,
    "rating": 5,
    "correction": MESSAGE,
    "comparison": {"preferred": {"output": MESSAGE}, "rejected": {"request_id": "r-9"}},
    "signal": "abandoned",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content_type", [BATCH, LINES])
def test_each_kind_of_judgement_is_taken_alone_by_a_person_with_a_pseudonym(kind: str, content_type: str) -> None:
    told = feedback(2, label=None, user_id="ada", source="annotator", **{kind: KINDS[kind]})
    whole = [json.dumps(one).encode() for one in (feedback(1), told, feedback(3))]
    verdicts = events(b"[" + b",".join(whole) + b"]" if content_type == BATCH else b"\n".join(whole), content_type)
    assert calls(verdicts) == ["r-1", "r-2", "r-3"]
    given = verdicts.records[1]
    assert isinstance(given, FeedbackGiven)
    assert given.kinds == (kind,)
    assert given.source == "annotator"
    assert given.user_id not in ("", "ada")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"rating": 6}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"signal": "liked"}, "signal"),
        ({"correction": "a text"}, "correction"),
        ({"correction": {"role": "assistant", "content": "x" * 32_769}}, "oversized: a correction"),
        ({"comparison": {"rejected": {"output": {"role": "assistant", "content": "é" * 20_000}}}}, "oversized: a comp"),
        ({"comparison": {}}, "two different answers"),
        ({"comparison": {"preferred": {"request_id": "a"}, "rejected": {"request_id": "a"}}}, "two different answers"),
        ({"label": None, "comment": "no more"}, "needs a label"),
    ],
)
def test_what_is_no_judgement_is_rejected_alone(wrong: dict[str, Any], reason: str) -> None:
    verdicts = events(json.dumps([feedback(1), feedback(2, **wrong), feedback(3)]).encode(), BATCH)
    assert calls(verdicts) == ["r-1", "r-3"]
    assert reason in reasons(verdicts)[1]


def test_nothing_valid_is_a_400(start: Start) -> None:
    collector = start()
    response = send(collector, b"[3]", BATCH)
    assert (response.status_code, response.json()["accepted"]) == (400, 0)
    assert collector.records() == []


def test_times_out_of_range_are_rejected(start: Start) -> None:
    response = send(start(), lines(feedback(1, occurred_at="2001-01-01T00:00:00Z")), LINES)
    assert "behind" in response.json()["rejected"][0]["reason"]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [(b"[", BATCH, 400), (b"[]", BATCH, 400), (b"", LINES, 400), (b"{}", "text/plain", 415), (b"x" * 2000, LINES, 413)],
)
def test_a_body_that_is_no_list_of_events_is_refused(
    start: Start, content: bytes, content_type: str, status: int
) -> None:
    response = send(start(body_bytes=1000), content, content_type)
    assert response.status_code == status
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59.999-05:00", "0001-01-01T00:00:00Z"])
@pytest.mark.parametrize("where", ["envelope", "data"])
def test_a_time_that_is_nobodys_is_rejected_alone(time: str, where: str) -> None:
    odd = {**feedback(2), "time": time} if where == "envelope" else feedback(2, occurred_at=time)
    verdicts = events(json.dumps([feedback(1), odd, feedback(3)]).encode(), BATCH)
    assert (verdicts.status, calls(verdicts), list(reasons(verdicts))) == (207, ["r-1", "r-3"], [1])
    assert "time" in reasons(verdicts)[1] or "occurred_at" in reasons(verdicts)[1]


@pytest.mark.parametrize(
    ("odd", "taken"),
    [(b'"cut \\ud83d"', True), (b'"cut \xf0\x9f"', True), (b"NaN", False), (b"1e999", False), (b"nonsense", False)],
)
@pytest.mark.parametrize("content_type", [BATCH, LINES])
def test_what_is_no_json_within_an_event_costs_no_other(odd: bytes, taken: bool, content_type: str) -> None:
    whole = [json.dumps(feedback(number, comment="odd" if number == 2 else "")).encode() for number in (1, 2, 3)]
    body = b"[" + b",".join(whole) + b"]" if content_type == BATCH else b"\n".join(whole)
    verdicts = events(body.replace(b'"odd"', odd), content_type)
    assert calls(verdicts) == (["r-1", "r-2", "r-3"] if taken else ["r-1", "r-3"])


def test_an_event_that_outgrows_the_log_once_its_defaults_are_written_is_rejected() -> None:
    asked = {"app": "prompt-guard", "request_id": "r-1", "messages": [{"role": "user", "content": "#"}]}
    body = lines({"type": "inference.requested.v1", "data": asked}).replace(b"#", b"x" * (MAX_EVENT_BYTES - 300))
    verdicts = events(body, LINES)
    assert reasons(verdicts)[0].startswith("oversized: more than")


def test_every_member_of_a_gzip_body_is_taken_or_none(start: Start) -> None:
    collector = start()
    packed = {"content-encoding": "gzip"}
    members = gzip.compress(b"") + b"".join(gzip.compress(lines(feedback(number)) + b"\n") for number in (1, 2, 3))
    whole = send(collector, members, LINES, **packed)
    spoilt = send(collector, members + b"garbage", LINES, **packed)
    assert (whole.status_code, whole.json()["accepted"], spoilt.status_code) == (202, 3, 400)
    assert len(collector.records()) == 3


def test_gzip_is_bounded_after_unpacking(start: Start) -> None:
    collector = start(body_bytes=10_000)
    good = send(collector, gzip.compress(lines(feedback())), LINES, **{"content-encoding": "gzip"})
    bomb = send(collector, gzip.compress(b" " * 1_000_000), LINES, **{"content-encoding": "gzip"})
    cut = send(collector, gzip.compress(lines(feedback()))[:-12], LINES, **{"content-encoding": "gzip"})
    assert [good.status_code, bomb.status_code, cut.status_code] == [202, 413, 400]


def test_a_full_spool_blocks_then_refuses_and_takes_nothing(start: Start) -> None:
    collector = start(spool_bytes=3000, patience_s=0.3)
    statuses = [send(collector, lines(feedback(n)), LINES).status_code for n in range(12)]
    last = send(collector, lines(feedback(99)), LINES)
    assert statuses[0] == 202
    assert last.status_code == 503
    assert last.headers["retry-after"] == "5"
    assert len(collector.records()) == statuses.count(202)
    assert "driftloop_spool_lost_total 0.0" in httpx.get(f"{collector.url}/metrics", timeout=PATIENCE_S).text


def test_a_full_spool_told_to_drop_takes_all_and_counts_what_it_drops(start: Start) -> None:
    collector = start(when_full="drop-oldest", spool_bytes=3000)
    statuses = [send(collector, lines(feedback(n)), LINES).status_code for n in range(40)]
    kept = collector.records()
    assert set(statuses) == {202}
    assert isinstance(kept[-1], FeedbackGiven)
    assert kept[-1].request_id == "r-39"
    assert len(kept) < 40
    assert (
        f"driftloop_spool_lost_total {40 - len(kept)}.0"
        in httpx.get(f"{collector.url}/metrics", timeout=PATIENCE_S).text
    )
