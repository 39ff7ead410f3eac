"""What training asks the real engine."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, Message
from schemas.learning import RolloutChanged, RolloutState, Route
from schemas.observations import AlertChanged
from schemas.record import Record
from schemas.settings import Settings
from schemas.tables import TABLE_BY_TOPIC, Position
from schemas.topics import topic_of
from services.clients.warehouse.client import Warehouse
from training.data.traffic import breached_at, labelled_rows, served_version

pytestmark = pytest.mark.warehouse

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def store(warehouse: Warehouse, *records: Record, partition: int = 0, start: int = 0) -> None:
    """Store records as the sink does, at offsets from `start` on."""
    for at, record in enumerate(records, start):
        table = TABLE_BY_TOPIC[topic_of(record).name]
        rows = table.rows(record, Position("t", partition, at), NOW)
        warehouse.insert(table.name, (*table.column_names,), rows)


def asked(name: str, prompt: str, *, app: str, minutes: float = 0, slice_: str = "") -> InferenceRequested:
    return InferenceRequested(
        event_id=f"asked-{app}-{name}",
        occurred_at=NOW + timedelta(minutes=minutes),
        app=app,
        request_id=f"{app}-{name}",
        messages=(Message(role="system", content="judge"), Message(role="user", content=prompt)),
        tags={"slice": slice_} if slice_ else {},
    )


def said(
    name: str,
    label: str | None,
    *,
    app: str,
    again: str = "",
    score: float | None = None,
    by: str = "",
    minutes: float = 3,
) -> FeedbackGiven:
    return FeedbackGiven(
        event_id=f"said-{app}-{name}{again}",
        occurred_at=NOW + timedelta(minutes=minutes),
        app=app,
        request_id=f"{app}-{name}",
        label=label,
        score=score,
        user_id=by,
    )


def test_labelled_requests_come_with_all_their_labels_and_places(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        store(
            client,
            asked("a", 'say "hi"', app="one", slice_="harmful"),
            asked("b", "b", app="one"),
            partition=1,
            start=4,
        )
        store(client, asked("unlabelled", "c", app="one"), asked("scored", "d", app="one"), start=9)
        store(client, said("a", "unsafe", app="one"), said("b", "safe", app="one"), start=20)
        store(
            client,
            bobs := said("b", "unsafe", app="one", again="!", by="bob"),
            said("scored", None, app="one", score=1.0),
            start=30,
        )
        store(client, asked("x", "x", app="two"), said("x", "safe", app="two"), start=50)
        rows = labelled_rows(client, "one", since=NOW, until=NOW + timedelta(hours=1), limit=10)
    by_id = {row.request_id: row for row in rows}
    assert sorted(by_id) == ["one-a", "one-b"]
    assert by_id["one-a"].labels == ("unsafe",)
    assert by_id["one-a"].slice == "harmful"
    assert by_id["one-a"].messages[-1].text == 'say "hi"'
    assert by_id["one-a"].occurred_at == NOW
    assert by_id["one-a"].offsets == {"inference.requested.v1/1": 4, "feedback.given.v1/0": 20}
    assert by_id["one-b"].labels == ("safe", "unsafe")
    assert set(by_id["one-b"].judgements) == {said("b", "safe", app="one"), bobs}


def test_a_label_sent_twice_counts_once_and_of_two_by_one_person_the_later_counts(warehouse: Settings) -> None:
    first, last = said("a", "safe", app="mind"), said("a", "unsafe", app="mind", again="!", minutes=4)
    retried = msgspec.structs.replace(first, occurred_at=NOW + timedelta(minutes=5))
    with Warehouse.connect(warehouse) as client:
        store(client, asked("a", "a", app="mind"), last, first, retried)
        (row,) = labelled_rows(client, "mind", since=NOW, until=NOW + timedelta(hours=1), limit=10)
    assert (row.labels, row.judgements) == (("unsafe",), (last,))


def test_an_event_stored_twice_is_one_row_with_one_label(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        for start in (0, 10):
            store(client, asked("a", "a", app="twice"), said("a", "safe", app="twice"), start=start)
        rows = labelled_rows(client, "twice", since=NOW, until=NOW + timedelta(hours=1), limit=10)
    assert [row.labels for row in rows] == [("safe",)]


def test_the_span_is_half_open_and_the_limit_holds(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        for minute in range(5):
            store(client, asked(f"{minute}", "p", app="span", minutes=minute), said(f"{minute}", "safe", app="span"))
        span = {"since": NOW + timedelta(minutes=1), "until": NOW + timedelta(minutes=3)}
        within = labelled_rows(client, "span", **span, limit=10)
        assert sorted(row.request_id for row in within) == ["span-1", "span-2"]
        assert len(labelled_rows(client, "span", **span, limit=1)) == 1


def test_the_breach_of_an_alert_is_found_once_it_is_stored(warehouse: Settings) -> None:
    alert = AlertChanged(
        event_id="alert",
        occurred_at=NOW,
        app="breached",
        alert_id="a1",
        monitor="accuracy-drop",
        state="firing",
        severity="critical",
        metric="feedback.accuracy",
        comparison="below",
        threshold=0.85,
        value=0.5,
        count=40,
        breached_at=NOW - timedelta(seconds=10),
        window_end=NOW,
    )
    with Warehouse.connect(warehouse) as client:
        assert breached_at(client, "breached", "a1") is None
        store(client, alert)
        assert breached_at(client, "breached", "a1") == NOW - timedelta(seconds=10)


def test_the_served_version_is_the_stable_one_of_the_last_change(warehouse: Settings) -> None:
    def changed(sequence: int, *routes: Route) -> RolloutChanged:
        return RolloutChanged(
            event_id=f"change-{sequence}",
            occurred_at=NOW + timedelta(seconds=sequence),
            app="served",
            rollout_id="r",
            state=RolloutState.CANARY,
            sequence=sequence,
            routes=routes,
        )

    with Warehouse.connect(warehouse) as client:
        assert served_version(client, "served") == ""
        store(client, changed(1, Route(adapter_version="served-v1", variant="stable", weight=1.0)))
        canary = Route(adapter_version="served-v3", variant="canary", weight=0.2)
        store(client, changed(2, canary, Route(adapter_version="served-v2", variant="stable", weight=0.8)), start=1)
        assert served_version(client, "served") == "served-v2"
