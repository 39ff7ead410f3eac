"""Recorded calls with feedback, out of the real engine, become a data set."""

from datetime import UTC, datetime

import msgspec
import pytest

from schemas.codec import decode, encode
from schemas.feedback import FeedbackGiven
from schemas.golden import golden
from schemas.inference import InferenceResponded, Message
from schemas.record import Record, Variant
from schemas.settings import Settings
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_RESPONDED, topic_of
from services.clients.bus.message import Message as Delivered
from services.clients.warehouse.client import Warehouse
from services.scorers.evaluation.reading import Unreadable
from services.scorers.evaluation.recorded import recorded_data_set
from services.sink.blocks import blocks_of
from services.sink.rows import Row, judged
from services.sink.table_store import TableStore

AT = datetime(2026, 1, 31, 13, tzinfo=UTC)
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.warehouse


def answered(number: int, prompt: str, *, app: str, variant: Variant = Variant.STABLE) -> InferenceResponded:
    record = decode(INFERENCE_RESPONDED.name, golden(INFERENCE_RESPONDED), AT)
    assert isinstance(record, InferenceResponded)
    return msgspec.structs.replace(
        record,
        event_id=f"{app}-answer-{number}-{variant}",
        app=app,
        variant=variant,
        request_id=f"{app}-{number}",
        messages=(Message(role="user", content=prompt),),
    )


def opinion(
    number: int, order: int, *, app: str, label: str | None = None, score: float | None = None, by: str = ""
) -> FeedbackGiven:
    record = decode(FEEDBACK_GIVEN.name, golden(FEEDBACK_GIVEN), AT)
    assert isinstance(record, FeedbackGiven)
    return msgspec.structs.replace(
        record,
        event_id=f"{app}-{number}-{order}",
        app=app,
        request_id=f"{app}-{number}",
        label=label,
        score=score,
        user_id=by,
    )


def store(settings: Settings, *records: Record) -> None:
    rows = []
    for offset, record in enumerate(records):
        message = Delivered(topic_of(record).name, record.app, 0, offset, b"", encode(record), (), AT)
        rows += [row for row in judged(message, AT) if isinstance(row, Row)]
    tables = TableStore(settings)
    for block in blocks_of(rows):
        tables.insert(block)
    tables.close()


def test_labels_and_scores_tell_bad_calls_from_good_ones(warehouse: Settings) -> None:
    app = "guarded"
    store(
        warehouse,
        *(answered(number, f"prompt {number}", app=app) for number in range(6)),
        answered(0, "a shadow's", app=app, variant=Variant.SHADOW),
        opinion(0, 0, app=app, label="unsafe"),
        opinion(1, 0, app=app, label="safe"),
        opinion(2, 0, app=app, score=0.0),
        opinion(3, 0, app=app, score=1.0),
        opinion(4, 0, app=app, label="nobody knows"),
    )
    with Warehouse.connect(warehouse) as client:
        data = recorded_data_set(client, app, since=BEFORE)

    found = {example.subject.prompt: example.bad for example in data.examples}
    assert found == {"prompt 0": True, "prompt 1": False, "prompt 2": True, "prompt 3": False}
    assert data.relation == "yours"
    assert all(example.subject.answer == "unsafe" for example in data.examples)
    assert all(example.subject.app == app and example.subject.messages for example in data.examples)


def test_most_opinions_decide_and_a_tie_decides_nothing(warehouse: Settings) -> None:
    app = "disputed"
    store(
        warehouse,
        *(answered(number, f"prompt {number}", app=app) for number in range(2)),
        *(opinion(0, at, app=app, label=label, by=f"u{at}") for at, label in enumerate(("unsafe", "safe", "unsafe"))),
        *(opinion(1, at, app=app, score=score, by=f"u{at}") for at, score in enumerate((0.0, 1.0))),
    )
    with Warehouse.connect(warehouse) as client:
        (example,) = recorded_data_set(client, app, since=BEFORE).examples
    assert (example.subject.prompt, example.bad) == ("prompt 0", True)


def test_of_one_person_the_last_opinion_decides(warehouse: Settings) -> None:
    app = "wavering"
    store(
        warehouse,
        answered(0, "prompt", app=app),
        *(
            opinion(0, order, app=app, label=label, by="ada")
            for order, label in enumerate(("unsafe", "unsafe", "safe"))
        ),
        opinion(0, 3, app=app, score=0.9, by="ada"),
    )
    with Warehouse.connect(warehouse) as client:
        (example,) = recorded_data_set(client, app, since=BEFORE).examples
    assert not example.bad


def test_labels_of_ones_own_are_named(warehouse: Settings) -> None:
    app = "tickets"
    store(
        warehouse,
        *(answered(number, f"prompt {number}", app=app) for number in range(2)),
        opinion(0, 0, app=app, label="spam"),
        opinion(1, 0, app=app, label="ham"),
    )
    with Warehouse.connect(warehouse) as client:
        with pytest.raises(Unreadable, match="none of the 2 with feedback says bad or good: say --positive LABEL"):
            recorded_data_set(client, app, since=BEFORE)
        data = recorded_data_set(client, app, since=BEFORE, positive=("spam",))
    assert sorted(example.bad for example in data.examples) == [False, True]


def test_an_app_without_feedback_is_one_line(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client, pytest.raises(Unreadable, match="nobody: no recorded calls"):
        recorded_data_set(client, "nobody", since=BEFORE)
