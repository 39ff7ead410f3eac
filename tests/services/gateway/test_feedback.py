"""Feedback: one or many, judged as a whole, on the spool before the 202."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from schemas.configuration import AnswerForm
from schemas.feedback import LONGEST_CORRECTION, Answered, FeedbackGiven
from schemas.inference import Message, ToolCall
from services.gateway.feedback.retries import Retries
from services.parts.ingress.identity import new_event_id
from services.parts.ingress.pseudonyms import pseudonym, pseudonym_key
from tests.fixtures.waiting import PATIENCE_S
from tests.services.gateway.conftest import APP, Running, Start

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
BOOKED = {"id": "c", "type": "function", "function": {"name": "book", "arguments": '{"day": 1}'}}
SEVERITY = AnswerForm(schema={"type": "object", "properties": {"severity": {"enum": ["low", "high"]}}})


def give(gateway: Running, content: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{gateway.url}/v1/feedback", content=content, headers=named, timeout=PATIENCE_S)


def say(gateway: Running, retry: str = "", **said: Any) -> httpx.Response:
    """Judge one answer, under an idempotency key if there is one."""
    body = json.dumps({"request_id": "r1", **said}).encode()
    return give(gateway, body, **({"idempotency_key": retry} if retry else {}))


def said(gateway: Running) -> list[FeedbackGiven]:
    return [event for event in gateway.events() if isinstance(event, FeedbackGiven)]


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["param"]


def text(content: str) -> Message:
    return Message(role="assistant", content=content)


def test_one_judgement_is_taken(start: Start) -> None:
    gateway = start()
    response = give(gateway, b'{"request_id": "r1", "app": "prompt-guard", "label": "unsafe", "comment": "c"}')
    (event,) = gateway.events()
    assert isinstance(event, FeedbackGiven)
    assert response.status_code == 202
    assert response.json() == {"event_ids": [event.event_id]}
    assert (event.app, event.request_id, event.label, event.comment) == (APP, "r1", "unsafe", "c")


def test_many_judgements_are_taken_in_order(start: Start) -> None:
    gateway = start()
    response = give(gateway, b'[{"request_id": "r1", "score": 1}, {"request_id": "r2", "score": 0.25}]')
    assert [event.event_id for event in gateway.events()] == response.json()["event_ids"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"nonsense", 400),
        (b"[]", 400),
        (b'{"label": "safe"}', 400),
        (b'{"request_id": "r1"}', 400),
        (b'{"request_id": "r1", "score": 7}', 400),
        (b'{"request_id": "r1", "label": "perhaps"}', 400),
        (b'{"request_id": "r1", "label": "safe", "app": "nobody"}', 404),
        (b'[{"request_id": "r1", "score": 1}, {"request_id": "r2"}]', 400),
    ],
)
def test_bad_feedback_is_refused_as_a_whole(start: Start, content: bytes, status: int) -> None:
    gateway = start()
    response = give(gateway, content)
    assert response.status_code == status
    assert response.json()["error"]["message"]
    assert gateway.events() == []


@pytest.mark.parametrize(("thumb", "score"), [("up", 1), ("down", 0)])
def test_a_thumb_is_a_score(start: Start, thumb: str, score: float) -> None:
    gateway = start()
    assert say(gateway, thumb=thumb).status_code == 202
    assert [event.score for event in said(gateway)] == [score]


def test_each_kind_of_judgement_is_taken_alone(start: Start) -> None:
    gateway = start()
    kinds: list[dict[str, Any]] = [
        {"label": "safe"}, {"score": 0.5}, {"thumb": "up"}, {"rating": 5}, {"correction": "no"},
        {"preferred": "a better one"}, {"rejected": {"request_id": "r2"}}, {"signal": "copied"},
    ]  # fmt: skip
    assert [say(gateway, **kind).status_code for kind in kinds] == [202] * len(kinds)
    found = [event.kinds for event in said(gateway)]
    assert found == [(kind,) for kind in
        ("label", "score", "score", "rating", "correction", "comparison", "comparison", "signal")]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("The 3rd of May.", text("The 3rd of May.")),
        ({"severity": "low", "n": 1.0}, text('{"severity": "low", "n": 1.0}')),
        (["a", 2], text('["a", 2]')),
        ({"role": "assistant", "content": "Yes."}, text("Yes.")),
        (
            {"role": "assistant", "content": None, "tool_calls": [BOOKED]},
            Message(role="assistant", tool_calls=(ToolCall(id="c", name="book", arguments='{"day": 1}'),)),
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "book", "arguments": {"day": 1}}}]},
            Message(role="assistant", tool_calls=(ToolCall(id="c", name="book", arguments='{"day":1}'),)),
        ),
    ],
)
def test_a_correction_is_a_text_or_json_or_a_message_with_tool_calls(
    start: Start, written: object, kept: Message
) -> None:
    gateway = start()
    assert say(gateway, correction=written).status_code == 202
    assert [event.correction for event in said(gateway)] == [kept]


def test_who_judges_is_a_pseudonym_with_a_source_and_a_comment(start: Start) -> None:
    gateway = start()
    say(gateway, rating=4, user="ada", source="annotator", comment="nearly")
    (event,) = said(gateway)
    key = pseudonym_key(gateway.data)
    assert (event.user_id, event.source, event.comment) == (pseudonym("ada", key), "annotator", "nearly")


def test_a_comparison_names_answers_by_request_or_by_text_and_what_is_left_out_is_the_judged_one(start: Start) -> None:
    gateway = start()
    ours = f"chatcmpl-{new_event_id()}"
    say(gateway, preferred=ours)
    say(gateway, preferred={"request_id": "r1"}, rejected={"request_id": "r2"})
    say(gateway, preferred="a text", rejected={"role": "assistant", "tool_calls": [BOOKED]})
    first, second, third = (event.comparison for event in said(gateway))
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.preferred, first.rejected) == (Answered(request_id=ours), Answered())
    assert (second.preferred, second.rejected) == (Answered(), Answered(request_id="r2"))
    assert third.preferred == Answered(output=text("a text"))
    assert third.rejected.output is not None
    assert [event.outcome for event in said(gateway)] == ["lost", "won", "apart"]


@pytest.mark.parametrize(
    ("told", "param"),
    [
        ({"thumb": "sideways"}, "thumb"),
        ({"thumb": "up", "score": 1}, "thumb"),
        ({"rating": 0}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"signal": "liked"}, "signal"),
        ({"correction": 7}, "correction"),
        ({"correction": ""}, "correction"),
        ({"correction": {"role": "assistant"}}, "correction"),
        ({"correction": "x" * (LONGEST_CORRECTION + 1)}, "correction"),
        ({"correction": {"a": "\u00e9" * (LONGEST_CORRECTION // 2)}}, "correction"),
        ({"preferred": "x" * (LONGEST_CORRECTION + 1)}, "preferred"),
        ({"rejected": True}, "rejected"),
        ({"rejected": {"request_id": ""}}, "rejected"),
        ({"preferred": "same", "rejected": "same"}, "rejected"),
        ({"preferred": {"request_id": "r1"}}, "rejected"),
        ({"comment": "nothing else"}, "label"),
        ({"score": "1"}, "score"),
        ({"score": True}, "score"),
        ({"score": -1}, "score"),
        ({"score": None, "label": None}, "label"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_of_the_array_is_taken(
    start: Start, told: dict[str, Any], param: str
) -> None:
    gateway = start()
    assert refusal(say(gateway, **told)) == (400, param)
    several = give(gateway, json.dumps([{"request_id": "r2", "score": 1}, {"request_id": "r1", **told}]).encode())
    assert several.status_code == 400
    assert several.json()["error"]["param"] in (param, f"[1].{param}")
    assert gateway.events() == []


def test_a_correction_of_the_greatest_length_is_taken(start: Start) -> None:
    gateway = start()
    assert say(gateway, correction="x" * LONGEST_CORRECTION).status_code == 202


def test_no_json_is_no_correction_for_an_app_that_extracts_and_an_app_with_a_schema_wants_it_kept(start: Start) -> None:
    extracting = start(task="extract", labels=())
    assert refusal(say(extracting, correction="low")) == (400, "correction")
    assert say(extracting, correction={"severity": "any"}).status_code == 202
    assert say(extracting, correction='{"severity": "any"}').status_code == 202


def test_a_correction_keeps_to_the_schema_of_the_apps_answers(start: Start) -> None:
    formed = start(answers=SEVERITY, labels=())
    assert refusal(say(formed, correction={"severity": "any"})) == (400, "correction")
    assert say(formed, correction={"severity": "high"}).status_code == 202
    assert say(formed, correction={"role": "assistant", "tool_calls": [BOOKED]}).status_code == 202


def test_an_app_without_labels_takes_any(start: Start) -> None:
    assert say(start(labels=()), label="whatever").status_code == 202


@pytest.mark.parametrize("name", ["header", "event_id"])
def test_a_retry_is_one_judgement_and_has_its_id(start: Start, name: str) -> None:
    gateway = start()
    named = {"retry": "secret-key-1"} if name == "header" else {"event_id": "secret-key-1"}
    first, again = (say(gateway, thumb=thumb, **named) for thumb in ("up", "down"))
    (event,) = said(gateway)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json() == {"event_ids": [event.event_id]}
    assert event.score == 1
    stored = b"".join(file.read_bytes() for file in gateway.data.rglob("*") if file.is_file())
    assert b"secret-key-1" not in stored


def test_one_key_names_each_element_of_an_array_and_each_request_and_app_apart(start: Start) -> None:
    gateway = start()
    three = json.dumps(
        [{"request_id": "r1", "score": 1}, {"request_id": "r1", "score": 0}, {"request_id": "r2", "score": 0}]
    )
    ids = [give(gateway, three.encode(), idempotency_key="k").json()["event_ids"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(said(gateway)) == 3


def test_a_key_that_only_looks_alike_names_another_judgement(start: Start) -> None:
    gateway = start()
    for told in ({"retry": "1"}, {"event_id": "1"}, {"retry": "1", "app": APP, "tenant": "t"}, {"retry": "2"}, {}, {}):
        say(gateway, score=1, **told)
    assert len({event.event_id for event in said(gateway)}) == 6


def test_the_gateway_remembers_the_last_retries_alone() -> None:
    taken = Retries(most=2)
    events = [judgement("0190c0de-0000-8000-8000-00000000000" + digit) for digit in "123"]
    taken.note(events)
    assert taken.fresh(events) == events[:1]
    taken.note([judgement(new_event_id()) for _ in range(3)])
    assert taken.fresh(events) == events[:1]


def judgement(event_id: str) -> FeedbackGiven:
    return FeedbackGiven(event_id=event_id, occurred_at=AT, app=APP, request_id="r1", score=1)
