"""What training asks the real engine about calls that write."""

from datetime import timedelta

import msgspec
import pytest

from schemas.feedback import Answered, Comparison, FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded, Message, ToolCall, ToolDeclared
from schemas.record import Variant
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
from tests.training.data.test_traffic import NOW, store
from training.data.judged_traffic import calls_by_id, judged_calls, undisputed_calls
from training.data.judgements import compared, spoken

pytestmark = pytest.mark.warehouse

SPAN = {"since": NOW, "until": NOW + timedelta(hours=1)}
SCHEMA = '{"type": "object"}'


def answered(
    name: str, answer: str | None, *, app: str, minutes: float = 0, variant: str = "stable"
) -> InferenceResponded:
    return InferenceResponded(
        event_id=f"answered-{app}-{name}-{variant}",
        occurred_at=NOW + timedelta(minutes=minutes),
        app=app,
        adapter_version="v3",
        variant=Variant(variant),
        request_id=f"{app}-{name}",
        messages=(
            Message(role="system", content="be brief"),
            Message(role="user", content='say "hi"'),
            Message(role="assistant", tool_calls=(ToolCall(id="1", name="find", arguments="{}"),)),
            Message(role="tool", content="rain", tool_call_id="1"),
        ),
        tags={"slice": "hard"},
        tools=(ToolDeclared(name="find", schema=SCHEMA),),
        response_schema=SCHEMA,
        output=None if answer is None else Message(role="assistant", content=answer),
        finish_reason="stop",
        error_type="timeout" if answer is None else "",
    )


def judged(name: str, *, app: str, again: str = "", minutes: float = 3, **said: object) -> FeedbackGiven:
    body = {
        "event_id": f"judged-{app}-{name}{again}",
        "occurred_at": NOW + timedelta(minutes=minutes),
        "app": app,
        "request_id": f"{app}-{name}",
        **said,
    }
    return msgspec.convert(body, FeedbackGiven)


def test_a_judged_call_comes_whole_with_everything_that_was_said(warehouse: Settings) -> None:
    correction = Message(role="assistant", content="so", tool_calls=(ToolCall(id="2", name="find", arguments="{}"),))
    comparison = Comparison(preferred=Answered(request_id="whole-b"), rejected=Answered())
    said = (
        judged("a", app="whole", again="1", score=0.5, user_id="ada"),
        judged("a", app="whole", again="2", rating=2, source="annotator"),
        judged("a", app="whole", again="3", correction=correction),
        judged("a", app="whole", again="4", comparison=comparison, signal="copied"),
        judged("a", app="whole", again="5", label="x"),
    )
    with Warehouse.connect(warehouse) as client:
        store(client, answered("a", "hi", app="whole"), partition=1, start=4)
        store(client, *said, start=20)
        store(client, answered("b", "ho", app="whole"), judged("z", app="elsewhere", score=1.0), start=50)
        (call,) = judged_calls(client, "whole", **SPAN, limit=10)
        others = calls_by_id(client, "whole", compared([call]))
    original = answered("a", "hi", app="whole")
    assert (call.messages, call.answer, call.tools) == (original.messages, original.output, original.tools)
    assert (call.response_schema, call.slice, call.finish_reason) == (SCHEMA, "hard", "stop")
    assert (call.adapter_version, call.variant, call.occurred_at) == ("v3", "stable", NOW)
    assert set(call.judgements) == set(said)
    assert [kind for kind, _ in spoken(call.judgements)] == [
        *("comparison", "correction", "label", "rating", "score", "signal")
    ]
    assert call.offsets == {"inference.responded.v1/1": 4, "feedback.given.v1/0": 24}
    assert [(name, other.answer and other.answer.text) for name, other in others.items()] == [("whole-b", "ho")]


def test_what_is_stored_twice_counts_once_and_a_shadows_answer_is_nobodys(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        store(client, answered("a", "unseen", app="once", variant="shadow"), start=90)
        for start in (0, 10):
            store(client, answered("a", "seen", app="once"), judged("a", app="once", score=1.0), start=start)
        (call,) = judged_calls(client, "once", **SPAN, limit=10)
    assert (call.answer and call.answer.text, len(call.judgements)) == ("seen", 1)


def test_of_two_judgements_of_one_person_the_later_counts_and_an_event_that_comes_again_changes_nothing(
    warehouse: Settings,
) -> None:
    up, down = judged("a", app="mind", again="1", score=1.0), judged("a", app="mind", again="2", minutes=4, score=0.0)
    retried = msgspec.structs.replace(up, occurred_at=NOW + timedelta(minutes=5))
    rated = judged("a", app="mind", again="3", minutes=3, rating=2, score=1.0)
    bob = judged("a", app="mind", again="4", minutes=3, score=1.0, user_id="bob")
    with Warehouse.connect(warehouse) as client:
        store(client, answered("a", "hi", app="mind"), down, up, rated, bob, retried)
        (call,) = judged_calls(client, "mind", **SPAN, limit=10)
    assert set(call.judgements) == {down, msgspec.structs.replace(rated, score=None), bob}
    assert call.superseded == 2


def test_the_span_of_judged_calls_is_half_open_and_the_limit_holds(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        for minute in range(5):
            store(
                client,
                answered(f"{minute}", "x", app="half", minutes=minute),
                judged(f"{minute}", app="half", score=1.0),
            )
        span = {"since": NOW + timedelta(minutes=1), "until": NOW + timedelta(minutes=3)}
        assert {c.request_id for c in judged_calls(client, "half", **span, limit=9)} == {"half-1", "half-2"}
        assert len(judged_calls(client, "half", **span, limit=1)) == 1


def test_undisputed_calls_are_those_that_were_answered_and_never_judged(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        store(client, *(answered(name, "x", app="left") for name in ("a", "b", "c")), answered("d", None, app="left"))
        store(client, judged("b", app="left", signal="copied"), start=20)
        found = undisputed_calls(client, "left", **SPAN, limit=10)
        assert {call.request_id for call in found} == {"left-a", "left-c"}
        assert not any(call.judgements for call in found)
        assert len(undisputed_calls(client, "left", **SPAN, limit=1)) == 1


def test_a_failed_call_may_be_corrected(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        right = Message(role="assistant", content="right")
        store(client, answered("a", None, app="failed"), judged("a", app="failed", correction=right))
        (call,) = judged_calls(client, "failed", **SPAN, limit=10)
    assert (call.answer, call.error_type) == (None, "timeout")


def test_a_call_that_was_answered_elsewhere_may_be_corrected(warehouse: Settings) -> None:
    correction = Message(role="assistant", content="so")
    asked = InferenceRequested(
        event_id="asked-elsewhere",
        occurred_at=NOW,
        app="elsewhere",
        request_id="elsewhere-a",
        messages=(Message(role="user", content="how"),),
        tags={"slice": "past"},
    )
    with Warehouse.connect(warehouse) as client:
        store(client, asked, partition=1, start=7)
        store(client, answered("b", "hi", app="elsewhere"))
        store(client, judged("a", app="elsewhere", correction=correction), judged("b", app="elsewhere", score=1))
        by_id = {call.request_id: call for call in judged_calls(client, "elsewhere", **SPAN, limit=10)}
    assert set(by_id) == {"elsewhere-a", "elsewhere-b"}
    call = by_id["elsewhere-a"]
    assert (call.answer, call.error_type, call.slice) == (None, "", "past")
    assert call.offsets["inference.requested.v1/1"] == 7
    assert call.judgements[0].correction == correction
