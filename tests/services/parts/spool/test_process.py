"""Deliveries by a child process: it is followed when it dies, it dies with its parent, and neither loses anything."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from schemas.inference import InferenceResponded
from schemas.topics import INFERENCE_RESPONDED
from services.clients.bus.decoding import decoded_elements
from services.clients.bus.tail import Tail
from services.parts.spool.entries import entry_of
from services.parts.spool.forwarder import Forwarder
from services.parts.spool.process import ForwardingProcess
from services.parts.spool.spool import Spool
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.stream_processors.builders import now_ms, responded


@contextmanager
def forwarding(folder: Path) -> Iterator[Spool]:
    """A spool that is forwarded by a process of its own until the block ends."""
    with closing(Spool(folder)) as spool:
        forwarder = Forwarder(spool, ForwardingProcess("test"))
        forwarder.start()
        try:
            yield spool
        finally:
            forwarder.stop(PATIENCE_S)


def children() -> list[psutil.Process]:
    """The forwarding processes that live."""
    found = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in found if "services.parts.spool.forwarding" in child.cmdline()]


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.broker
def test_what_is_appended_while_children_are_killed_arrives_in_order(
    broker: Broker | KafkaNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in broker.environment.items():
        monkeypatch.setenv(name, value)
    with forwarding(tmp_path) as spool:
        for number in range(90):
            spool.append([entry_of(responded(number, at=now_ms()))])
            if number % 30 == 15:
                (child,) = until(children)
                child.kill()
            time.sleep(0.01)
        until(lambda: spool.waiting, equals(0))
        assert spool.lost == 0
    assert children() == []
    arrived = _arrived(broker, 90)
    for partition in {partition for partition, _ in arrived}:
        numbers = list(dict.fromkeys(number for place, number in arrived if place == partition))
        assert numbers == sorted(numbers)


def _arrived(broker: Broker | KafkaNode, count: int) -> list[tuple[int, int]]:
    """Return partition and number of each response in the log, once there are `count` different ones."""
    found: list[tuple[int, int]] = []
    with closing(Tail(broker.settings, [INFERENCE_RESPONDED.name])) as tail:

        def more() -> int:
            for message in tail.poll(0.2):
                for record in decoded_elements(message):
                    assert isinstance(record, InferenceResponded)
                    found.append((message.partition, int(record.request_id.removeprefix("request-"))))
            return len({number for _, number in found})

        until(more, equals(count))
    return found


@contextmanager
def holder(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that forwards to a broker that is away, and its child."""
    environment = {**os.environ, "DRIFTLOOP_KAFKA": f"127.0.0.1:{free_port()}"}
    command = [sys.executable, "-m", "tests.services.parts.spool.holder", str(folder)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, child):
        assert not ended(child)
        process.kill()
        until(lambda: ended(child))


def test_a_child_ends_with_a_parent_that_stops_while_the_broker_is_away(tmp_path: Path) -> None:
    with holder(tmp_path) as (process, child):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        until(lambda: ended(child))
    with closing(Spool(tmp_path)) as spool:
        assert spool.waiting == 1
