"""Every topic has an example, and everything that is generated from or fed with it agrees."""

import json
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import jsonschema
import msgspec
import pytest

from schemas.codec import decode, encode, from_unix_ms
from schemas.golden import golden
from schemas.inference import InferenceResponded
from schemas.jsonschema import FOLDER, json_schema, text_of
from schemas.observations import ScoresRecorded
from schemas.score_rows import stored_scores
from schemas.settings import Settings
from schemas.tables import DEAD_LETTERS, POSITION_COLUMNS, TABLE_BY_TOPIC, TABLES
from schemas.topics import SCORES_RECORDED, STORED_TOPICS, TOPICS, Topic, key_of
from services.clients.bus.message import Message
from services.clients.warehouse.client import Warehouse
from services.sink.blocks import blocks_of
from services.sink.dead_letters import DEAD_LETTER_COLUMNS
from services.sink.rows import Row, columns_of, judged
from services.sink.table_store import TableStore

LOGGED_AT = datetime(2026, 1, 31, 13, tzinfo=UTC)
each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


def message(topic: Topic, offset: int = 0) -> Message:
    record = decode(topic.name, golden(topic), LOGGED_AT)
    return Message(topic.name, "11111111-2222", 0, offset, key_of(record), golden(topic), (), LOGGED_AT)


@each_topic
def test_an_example_survives_decoding_and_encoding(topic: Topic) -> None:
    record = decode(topic.name, golden(topic), LOGGED_AT)
    assert type(record) is topic.record
    assert decode(topic.name, encode(record), LOGGED_AT) == record
    assert set(json.loads(golden(topic))) == set(json.loads(encode(record)))


def test_an_answer_of_a_producer_that_knows_one_choice_only_is_still_read() -> None:
    topic = next(topic for topic in TOPICS if topic.name == "inference.responded.v1")
    tree = json.loads(golden(topic))
    for newer in ("reasoning", "choices", "error_message", "upstream_error_type"):
        del tree[newer]
    record = decode(topic.name, json.dumps(tree).encode(), LOGGED_AT)
    assert isinstance(record, InferenceResponded)
    assert (record.answer, record.reasoning, record.choices, record.error_message) == ("unsafe", "", (), "")


@pytest.mark.parametrize(("told", "cost"), [({}, None), ({"cost_usd": None}, None), ({"cost_usd": 0}, 0)])
def test_a_cost_that_nobody_tells_is_unknown_and_not_0(told: dict[str, object], cost: float | None) -> None:
    topic = next(topic for topic in TOPICS if topic.name == "inference.responded.v1")
    tree = json.loads(golden(topic))
    del tree["cost_usd"]
    jsonschema.Draft202012Validator(json_schema(topic)).validate({**tree, **told})
    record = decode(topic.name, json.dumps({**tree, **told}).encode(), LOGGED_AT)
    assert isinstance(record, InferenceResponded)
    assert record.cost_usd == cost
    assert json.loads(encode(record))["cost_usd"] == cost


@each_topic
def test_an_example_is_valid_by_its_schema(topic: Topic) -> None:
    jsonschema.Draft202012Validator(json_schema(topic)).validate(json.loads(golden(topic)))


@each_topic
def test_a_message_without_its_event_id_is_invalid_by_its_schema(topic: Topic) -> None:
    tree = json.loads(golden(topic))
    del tree["event_id"]
    assert not jsonschema.Draft202012Validator(json_schema(topic)).is_valid(tree)


@each_topic
def test_the_schema_file_is_up_to_date(topic: Topic) -> None:
    assert (FOLDER / f"{topic.name}.json").read_text() == text_of(topic), "run python -m schemas.jsonschema"


def test_there_is_nothing_without_a_topic_among_examples_and_schemas() -> None:
    names = {f"{topic.name}.json" for topic in TOPICS}
    assert {path.name for path in FOLDER.iterdir()} == names
    assert {Path(str(path)).name for path in (files("schemas") / "golden").iterdir()} == names


@pytest.mark.parametrize("topic", STORED_TOPICS, ids=lambda topic: topic.name)
def test_an_example_becomes_rows_with_its_position(topic: Topic) -> None:
    rows = judged(message(topic, 5), LOGGED_AT)
    assert len(rows) == (2 if topic is SCORES_RECORDED else 1)
    for row in rows:
        assert isinstance(row, Row)
        stored = dict(zip(columns_of(row.table), row.values, strict=True))
        assert [stored[name] for name in POSITION_COLUMNS] == ["11111111-2222", 0, 5]
        assert stored["app"] == "prompt-guard"


@pytest.mark.warehouse
def test_the_engine_has_the_columns_of_the_catalogue_in_their_order(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        for table in TABLES:
            described = [(row["name"], row["type"]) for row in client.query(f"DESCRIBE TABLE {table.name}")]
            assert described == [(column.name, column.type) for column in table.columns]
        names = tuple(row["name"] for row in client.query(f"DESCRIBE TABLE {DEAD_LETTERS}"))
    assert names == DEAD_LETTER_COLUMNS


@pytest.mark.warehouse
def test_every_example_can_be_read_back_from_the_engine(warehouse: Settings) -> None:
    rows = [row for topic in STORED_TOPICS for row in judged(message(topic), LOGGED_AT) if isinstance(row, Row)]
    tables = TableStore(warehouse)
    for block in blocks_of(rows):
        tables.insert(block)
    tables.close()
    with Warehouse.connect(warehouse) as client:
        for topic in STORED_TOPICS:
            record = decode(topic.name, golden(topic), LOGGED_AT)
            found = client.query(f"SELECT * FROM {TABLE_BY_TOPIC[topic.name].name} FINAL")
            stored = stored_scores(record) if isinstance(record, ScoresRecorded) else [record]
            assert {row["event_id"] for row in found} == {one.event_id for one in stored}
            assert {(row["occurred_at"], row["recorded_at"]) for row in found} == {(record.occurred_at, LOGGED_AT)}
            assert len(found) == len(stored)


@pytest.mark.warehouse
def test_an_unknown_cost_is_stored_as_null_and_is_no_part_of_sum_and_mean(warehouse: Settings) -> None:
    topic = next(topic for topic in TOPICS if topic.name == "inference.responded.v1")
    tables, trees = TableStore(warehouse), []
    for number, cost in enumerate((None, 0, 3)):
        tree = {**json.loads(golden(topic)), "app": "costs", "event_id": f"cost-{number}", "cost_usd": cost}
        trees.append(msgspec.structs.replace(message(topic, 100 + number), value=json.dumps(tree).encode()))
    for block in blocks_of([row for told in trees for row in judged(told, LOGGED_AT) if isinstance(row, Row)]):
        tables.insert(block)
    tables.close()
    with Warehouse.connect(warehouse) as client:
        (found,) = client.query(
            "SELECT countIf(cost_usd IS NULL) AS unknown, sum(cost_usd) AS sum, avg(cost_usd) AS mean "
            "FROM responses FINAL WHERE app = 'costs'"
        )
    assert found == {"unknown": 1, "sum": 3, "mean": 1.5}


def test_times_keep_their_milliseconds() -> None:
    assert from_unix_ms(1769860800120) == datetime(2026, 1, 31, 12, 0, 0, 120_000, tzinfo=UTC)
