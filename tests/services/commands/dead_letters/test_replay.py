"""`driftloop dead-letters` with the real broker, the real engine and the sink's process."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.codec import encode
from schemas.settings import Settings
from schemas.topics import FEEDBACK_GIVEN
from services.clients.bus.producer import Producer
from services.commands.line import app
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import at_least, equals, until
from tests.services.sink.sinks import count, feedback, messages, one, sink_process

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

Environment = dict[str, str]
TOPIC = FEEDBACK_GIVEN.name
SECRET = b'{"what a user wrote": "'


@pytest.fixture(scope="module")
def environment(broker: Broker, warehouse_environment: Environment) -> Environment:
    return {**warehouse_environment, **broker.environment}


@pytest.fixture
def settings(environment: Environment) -> Settings:
    return Settings.from_environment(environment)


@pytest.fixture
def producer(settings: Settings) -> Iterator[Producer]:
    with closing(Producer(settings, "test")) as sending:
        yield sending


def driftloop(environment: Environment, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["dead-letters", *arguments], env=environment)


def letters(settings: Settings) -> int:
    return count(settings, "dead_letters FINAL")


def test_a_poison_message_is_listed_shown_and_comes_back_as_one_new_letter_when_replayed(
    environment: Environment, settings: Settings, producer: Producer, tmp_path: Path
) -> None:
    with sink_process(environment, tmp_path):
        producer.send_raw(TOPIC, SECRET, key=b"k", headers=[("who", b"test")])
        producer.flush()
        until(lambda: letters(settings), equals(1))
        listed = driftloop(environment, "list", "--topic", TOPIC)
        name = listed.output.split()[0]
        assert "malformed JSON" in listed.output
        assert "user wrote" not in listed.output + driftloop(environment, "show", name).output
        assert SECRET in driftloop(environment, "show", name, "--payload").stdout_bytes
        assert driftloop(environment, "replay", "--topic", TOPIC).output == "1 sent again\n"
        until(lambda: letters(settings), equals(2))
        again = driftloop(environment, "list")
        assert f"a replay of {name}" in again.output
        assert "1 dead letters wait" in again.output


def test_a_message_that_is_good_by_now_is_stored_once_with_its_key_and_headers(
    environment: Environment, settings: Settings, producer: Producer, tmp_path: Path
) -> None:
    event = feedback("mended")
    # A letter as an older sink, which knew less, would have written it.
    producer.send_raw(
        FEEDBACK_GIVEN.dead_letter,
        encode(event),
        key=b"mended",
        headers=[
            ("who", b"test"),
            ("dl_reason", b"unknown field"),
            ("dl_topic", TOPIC.encode()),
            ("dl_partition", b"1"),
            ("dl_offset", b"900"),
        ],
    )
    producer.flush()
    with sink_process(environment, tmp_path):
        assert driftloop(environment, "replay", f"{TOPIC}/1/900").output == "1 sent again\n"
        assert driftloop(environment, "replay", f"{TOPIC}/1/900").output == "1 sent again\n"
        until(lambda: count(settings, "feedback", "request_id = 'mended'"), at_least(1))
        until(lambda: count(settings, "feedback FINAL", "request_id = 'mended'"), equals(1))
    found = [message for message in messages(settings, TOPIC) if message.key == b"mended"]
    assert {message.value for message in found} == {encode(event)}
    assert found[0].headers == (("who", b"test"), ("dl_replayed_from", f"{TOPIC}/1/900".encode()))
    assert TOPIC in driftloop(environment, "list", "--topic", TOPIC).output
    assert f"{TOPIC}/1/900 " not in driftloop(environment, "list").output


def test_a_letter_that_is_not_there_is_one_line_and_status_1(environment: Environment) -> None:
    found = driftloop(environment, "show", f"{TOPIC}/0/99999")
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith(f"driftloop: no dead letter '{TOPIC}/0/99999' in the log")
    assert driftloop(environment, "list", "--topic", "nothing").exit_code == 1


def test_what_was_replayed_is_remembered(settings: Settings, environment: Environment) -> None:
    driftloop(environment, "replay")
    assert driftloop(environment, "replay").output == "0 sent again\n"
    row = one(settings, "SELECT uniqExact(source_offset) AS n FROM dead_letters FINAL")
    assert int(str(row["n"])) >= 1
