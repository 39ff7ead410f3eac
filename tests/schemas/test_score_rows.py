"""Scores of a call: one message, a row each, and what was not judged is told from a zero."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from schemas.codec import BadRecord, decode, encode
from schemas.golden import golden
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.score_rows import stored_scores
from schemas.tables import TABLE_BY_TOPIC, Position
from schemas.topics import SCORES_RECORDED

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
TABLE = TABLE_BY_TOPIC[SCORES_RECORDED.name]


def scores(**other: object) -> RecordedScore:
    return RecordedScore(**{"name": "prompt.harm", "scorer": "harm-head@1", **other})  # type: ignore[arg-type]


def recorded(*some: RecordedScore, event_id: str = "m1") -> ScoresRecorded:
    return ScoresRecorded(event_id=event_id, occurred_at=AT, app="guard", request_id="r1", scores=some)


def test_a_message_becomes_a_row_a_score_and_all_rows_have_its_place() -> None:
    two = (scores(value=0.5, label="safe"), scores(name="prompt.injection", unjudged="no prompt"))
    rows = TABLE.rows(recorded(*two), Position("t", 1, 7), AT)
    stored = [dict(zip(TABLE.column_names, row, strict=True)) for row in rows]
    assert [(row["name"], row["value"], row["unjudged"]) for row in stored] == [
        ("prompt.harm", 0.5, ""),
        ("prompt.injection", None, "no prompt"),
    ]
    assert {(row["topic_id"], row["partition"], row["offset"], row["request_id"]) for row in stored} == {
        ("t", 1, 7, "r1")
    }


def test_a_message_read_twice_makes_the_same_ids_and_another_message_others() -> None:
    two = (scores(value=0.5), scores(value=0.5, scorer="harm-head@2"))
    first, again = ([row.event_id for row in stored_scores(recorded(*two))] for _ in range(2))
    other = [row.event_id for row in stored_scores(recorded(*two, event_id="m2"))]
    assert first == again
    assert len({*first, *other}) == 4


@pytest.mark.parametrize(
    "given", [{}, {"value": 0.0, "unjudged": "timed out"}, {"value": float("nan")}, {"value": float("inf")}]
)
def test_a_score_has_a_finite_value_or_a_reason_and_never_both(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="score"):
        scores(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"scores": []},
        {"scores": [{"name": "a", "scorer": "b@1"}]},
        {"scores": [{"name": "a", "scorer": "b@1", "value": 1, "unjudged": "timed out"}]},
        {"scores": [{"name": "a", "scorer": "b@1", "value": 1, "sampling_probability": 0}]},
        {"scores": [{"name": "", "scorer": "b@1", "value": 1}]},
    ],
)
def test_a_message_that_says_nothing_or_two_things_is_refused(given: dict[str, object]) -> None:
    value = json.dumps({**json.loads(golden(SCORES_RECORDED)), **given}).encode()
    with pytest.raises(BadRecord, match="invalid"):
        decode(SCORES_RECORDED.name, value, AT + timedelta(hours=1))


def test_a_message_survives_the_wire() -> None:
    record = recorded(scores(value=0.25, label="unsafe", categories=("violent-crimes",), latency_ms=1.5))
    assert decode(SCORES_RECORDED.name, encode(record), AT) == record
