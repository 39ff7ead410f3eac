"""The sink's processes against the real broker and the real engine."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from schemas.settings import Settings, port_variable, url_variable
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import Warehouse
from services.sink.positions import table_of
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import at_least, equals, more_than, until
from tests.services.sink.relay import Cut, relay
from tests.services.sink.sinks import count, is_well, one, requested, scored, sink_process, traffic

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

Environment = dict[str, str]
KILLED = "request_id LIKE 'kill-%'"
BOTH = ("requests", "responses")
SCORES_A_MESSAGE = 3


@pytest.fixture
def environment(empty: Broker, warehouse_environment: Environment) -> Environment:
    """A broker that nobody has a group on, and a warehouse that merges nothing: a row stored twice stays two rows."""
    both = {**warehouse_environment, **empty.environment}
    with Warehouse.connect(Settings.from_environment(both)) as warehouse:
        for table in (*BOTH, "scores"):
            warehouse.execute(f"SYSTEM STOP MERGES {table}")
    return both


@pytest.fixture
def producer(environment: Environment) -> Iterator[Producer]:
    with closing(Producer(Settings.from_environment(environment), "test")) as sending:
        yield sending


def test_a_sink_killed_under_load_stores_each_event_exactly_once(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    chance = random.Random(7)
    with traffic(producer, "kill") as sent:
        for _ in range(2):
            with sink_process(environment, tmp_path) as sink:
                already = count(settings, "requests", KILLED)
                until(lambda: count(settings, "requests", KILLED), more_than(already))
                time.sleep(chance.random())
                sink.kill()
    with sink_process(environment, tmp_path) as sink:
        until(lambda: sum(count(settings, table, KILLED) for table in BOTH), at_least(2 * sent[0]))
        assert sink.stop() == 0
    assert [stored(settings, table, "kill") for table in BOTH] == [(sent[0], sent[0])] * 2


def test_a_sink_killed_under_load_stores_each_score_of_each_message_exactly_once(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    chance = random.Random(8)
    with traffic(producer, "scores", (scored,)) as sent:
        for _ in range(3):
            with sink_process(environment, tmp_path) as sink:
                until(lambda: count(settings, "scores"), more_than(count(settings, "scores")))
                time.sleep(chance.random())
                sink.kill()
    with sink_process(environment, tmp_path) as sink:
        until(lambda: count(settings, "scores"), at_least(SCORES_A_MESSAGE * sent[0]))
        assert sink.stop() == 0
    assert stored(settings, "scores", "scores") == (SCORES_A_MESSAGE * sent[0],) * 2
    assert count(settings, "scores", "value IS NULL AND unjudged = 'no answer'") == sent[0]


def test_two_sinks_share_the_work_and_store_each_event_exactly_once(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    with sink_process(environment, folder(tmp_path, "a")) as first:
        with traffic(producer, "two") as sent:
            until(lambda: first.stored("requests"))
            with sink_process(environment, folder(tmp_path, "b")) as second:
                until(lambda: [second.stored(table) for table in BOTH], all)
                until(lambda: first.stored("requests"), more_than(first.stored("requests")))
                assert second.stop() == 0
            until(lambda: first.stored("requests"), more_than(first.stored("requests")))
        until(lambda: min(count(settings, table, "request_id LIKE 'two-%'") for table in BOTH), at_least(sent[0]))
    assert [stored(settings, table, "two") for table in BOTH] == [(sent[0], sent[0])] * 2


def test_a_sink_stopped_until_its_session_has_ended_stores_nothing_of_another_when_it_goes_on(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    with sink_process(environment, folder(tmp_path, "a")) as first, ExitStack() as stack:
        with traffic(producer, "paused") as sent:
            until(lambda: first.stored("requests"))
            with first.paused():
                second = stack.enter_context(sink_process(environment, folder(tmp_path, "b")))
                until(lambda: [second.stored(table) for table in BOTH], all)
                until(second.health, is_well)
            until(lambda: sum(map(first.stored, BOTH)), more_than(sum(map(first.stored, BOTH))))
        until(lambda: min(count(settings, table, "request_id LIKE 'paused-%'") for table in BOTH), at_least(sent[0]))
    seen = [count(settings, f"{table} FINAL", "request_id LIKE 'paused-%'") for table in BOTH]
    assert seen == [sent[0], sent[0]]
    if [stored(settings, table, "paused") for table in BOTH] != [(sent[0], sent[0])] * 2:
        pytest.xfail(
            "it was stopped in the middle of an insert: docs/reliability.md, Limits; readers see each event once"
        )


def test_inserts_cut_off_halfway_or_before_their_answer_are_neither_lost_nor_repeated(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    # Whether the driver sends an insert again depends on how it notices the cut, so there are several.
    cuts = [Cut.UNANSWERED, Cut.NOT_AT_ALL] * 6 + [Cut.UNANSWERED, Cut.HALFWAY, Cut.HALFWAY]
    port = int(environment[port_variable("warehouse")])
    with relay(port, cuts) as before, traffic(producer, "cut") as sent:
        through = {**environment, url_variable("warehouse"): f"http://127.0.0.1:{before.port}"}
        with sink_process(through, tmp_path):
            until(lambda: not before.plan)
            until(lambda: count(settings, "requests", "request_id LIKE 'cut-%'"), more_than(0))
    with sink_process(environment, tmp_path):
        until(lambda: min(count(settings, table, "request_id LIKE 'cut-%'") for table in BOTH), at_least(sent[0]))
    assert [stored(settings, table, "cut") for table in BOTH] == [(sent[0], sent[0])] * 2


def stored(settings: Settings, table: str, prefix: str) -> tuple[int, int]:
    """Return how many rows and how many events a table holds of one test."""
    sql = f"SELECT count() AS n, uniqExact(event_id) AS d FROM {table} WHERE request_id LIKE '{prefix}-%'"
    row = one(settings, sql)
    return int(str(row["n"])), int(str(row["d"]))


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


def test_an_event_sent_twice_collapses_in_queries(environment: Environment, producer: Producer, tmp_path: Path) -> None:
    settings = Settings.from_environment(environment)
    event = requested("twice")
    with sink_process(environment, tmp_path):
        for _ in range(3):
            producer.send(event)
        producer.send(requested("twice-end"))
        producer.flush()
        until(lambda: count(settings, "requests", "request_id = 'twice-end'"), equals(1))
        until(lambda: count(settings, "requests FINAL", "request_id = 'twice'"), equals(1))


def test_each_topic_has_a_table_that_exists(environment: Environment) -> None:
    settings = Settings.from_environment(environment)
    with Warehouse.connect(settings) as warehouse:
        present = {str(row["name"]) for row in warehouse.query("SHOW TABLES")}
    assert {table_of("feedback.given.v1"), table_of("feedback.given.v1.dead-letter")} <= present
