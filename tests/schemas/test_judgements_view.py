"""The view `judgements`: what each person said last of a request, kind by kind."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.feedback import Answered, Comparison, FeedbackGiven
from schemas.inference import Message
from schemas.settings import Settings
from schemas.tables import TABLE_BY_NAME, Position
from services.clients.warehouse.client import Warehouse

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
