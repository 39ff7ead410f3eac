"""The view `judgements`: what each person said last of a request, kind by kind; windows count by the same rule."""

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.feedback import Answered, Comparison, FeedbackGiven
from schemas.inference import Message
from schemas.settings import Settings
from schemas.tables import TABLE_BY_NAME, Position
from services.clients.warehouse.client import Warehouse
from stream_processors.windows.judgements import Judged, by_person, first_record, judged_of, standing

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
TABLE = TABLE_BY_NAME["feedback"]
pytestmark = pytest.mark.warehouse


def stored(warehouse: Settings, request_id: str, *told: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Store feedback that occurred at these seconds, in this order in the log, and return what counts of a request."""
    rows = []
    for offset, (second, said) in enumerate(told):
        known = {"event_id": f"{request_id}-{offset}", "occurred_at": AT + timedelta(seconds=second), "app": "guard"}
        record = FeedbackGiven(**{**known, "request_id": request_id, **said})
        rows += [list(row) for row in TABLE.rows(record, Position("t", 1, offset), AT)]
    with Warehouse.connect(warehouse) as client:
        client.insert("feedback", list(TABLE.column_names), rows)
        return list(
            client.query(
                "SELECT * FROM judgements WHERE app = 'guard' AND request_id = {id:String} ORDER BY source, user_id",
                {"id": request_id},
            )
        )


def test_the_later_of_each_kind_counts_whatever_the_order_in_the_log(warehouse: Settings) -> None:
    correction = Message(role="assistant", content="no")
    (row,) = stored(
        warehouse, "r1",
        (5, {"score": 0.0}), (3, {"score": 1.0, "rating": 4}), (4, {"signal": "copied"}),
        (2, {"correction": correction}),
        (1, {"comparison": Comparison(rejected=Answered(request_id="r2")), "comment": "better"}),
    )  # fmt: skip
    assert (row["score"], row["rating"], row["signal"], row["label"], row["comment"]) == (
        0,
        4,
        "copied",
        None,
        "better",
    )
    assert row["correction"] == '{"role":"assistant","content":"no"}'
    assert row["comparison"] == '{"rejected":{"request_id":"r2"}}'
    assert (row["verdict_by"], row["first_at"], row["last_at"]) == ("score", AT + timedelta(0, 1), AT + timedelta(0, 5))


def test_people_are_told_apart_by_source_and_user(warehouse: Settings) -> None:
    people = [{}, {"user_id": "ann"}, {"source": "annotator"}, {"source": "annotator", "user_id": "ann"}]
    rows = stored(warehouse, "r2", *((0, {"score": 1.0, **person}) for person in people))
    assert [(row["source"], row["user_id"]) for row in rows] == [
        ("annotator", ""), ("annotator", "ann"), ("user", ""), ("user", "ann"),
    ]  # fmt: skip


def test_of_an_event_that_came_again_the_first_counts(warehouse: Settings) -> None:
    retry = {"event_id": "again"}
    (row,) = stored(warehouse, "r3", (0, {"label": "a", **retry}), (1, {"label": "b"}), (2, {"label": "a", **retry}))
    assert (row["label"], row["verdict_by"], row["last_at"]) == ("b", "label", AT + timedelta(seconds=1))


def test_of_two_at_once_the_one_further_back_in_the_log_counts(warehouse: Settings) -> None:
    (row,) = stored(warehouse, "r4", (0, {"rating": 5}), (0, {"rating": 1}), (0, {"signal": "abandoned"}))
    assert (row["rating"], row["verdict_by"], row["correction"], row["comparison"]) == (1, "rating", "null", "null")


def test_a_signal_alone_is_no_verdict(warehouse: Settings) -> None:
    (row,) = stored(warehouse, "r5", (0, {"signal": "copied"}))
    assert (row["verdict_by"], row["score"]) == ("", None)


@dataclass(frozen=True)
class Told:
    """One record of feedback: records of one event and one second are copies."""

    event: int
    second: int

    @property
    def said(self) -> dict[str, Any]:
        draw = random.Random(f"{self.event} {self.second}")
        person = {"source": draw.choice(("user", "annotator")), "user_id": draw.choice(("", "ann"))}
        values = {
            "label": draw.choice("ab"),
            "score": draw.choice((0.0, 0.4, 1.0)),
            "rating": draw.randint(1, 5),
            "correction": Message(role="assistant", content=draw.choice("xyz")),
            "comparison": Comparison(rejected=Answered(request_id=draw.choice("xyz"))),
            "signal": draw.choice(("copied", "regenerated")),
        }
        kinds = draw.sample(sorted(values), draw.randint(1, 3))
        return {"event_id": f"e{self.event}", **person, **{kind: values[kind] for kind in kinds}}


def by_the_windows_rule(told: list[Told]) -> dict[tuple[str, str], tuple[dict[str, str], str]]:
    """Return of each person the event that each kind stands by, and how they said last whether it was right."""
    events: dict[str, Judged] = {}
    for offset, one in enumerate(told):
        at = AT + timedelta(seconds=one.second)
        record = FeedbackGiven(occurred_at=at, app="guard", request_id="r", **one.said)
        judged = judged_of(record, occurred=round(at.timestamp() * 1000), logged=0, offset=offset, late=False)
        events[record.event_id] = first_record(events.get(record.event_id), judged)
    return {
        given[0].person: (
            {kind: one.event_id for kind, one in standing(given).items()},
            next((one.verdict_by for one in reversed(given) if one.verdict_by), ""),
        )
        for given in by_person(events.values())
    }


@settings(max_examples=40)
@given(st.lists(st.builds(Told, st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=12))
def test_windows_and_view_let_the_same_judgements_stand(warehouse: Settings, told: list[Told]) -> None:
    request_id = uuid.uuid4().hex
    # The table tells events apart by app, time and id, so no other example may have the same.
    own = [(one.second, {**one.said, "event_id": f"{request_id} {one.said['event_id']}"}) for one in told]
    rows = stored(warehouse, request_id, *own)
    assert {
        (row["source"], row["user_id"]): (
            {kind: place[2].removeprefix(f"{request_id} ") for kind, place in row["standing"]},
            row["verdict_by"],
        )
        for row in rows
    } == by_the_windows_rule(told)
    assert sum(row["superseded"] + len(row["standing"]) for row in rows) == said_kinds(told)


def said_kinds(told: list[Told]) -> int:
    """Return how many kinds all events say, each event by its earliest record."""
    events = {one.event: one for one in sorted(told, key=lambda one: -one.second)}
    return sum(len(one.said.keys() - {"event_id", "source", "user_id"}) for one in events.values())
