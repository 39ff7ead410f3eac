"""The real process on a real broker, with a real receiver that is away at first."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from schemas.observations import AlertDelivered
from schemas.topics import ALERTS_DELIVERED
from services.alerting.receiver import build_application
from services.clients.bus.decoding import decoded
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, at_least, equals, until
from tests.services.alerting.builders import alert

CONFIGURATION = """
apps: [{{name: prompt-guard, base_model: tiny}}]
subscriptions:
  - {{name: on-call, channel: webhook, url: "http://127.0.0.1:{port}/alerts", secret_env: SECRET}}
"""


@contextmanager
def _running(environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-m", "services.alerting"], env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def _environment(broker: Broker, folder: Path, receiver_port: int) -> dict[str, str]:
    (folder / "driftloop.yaml").write_text(CONFIGURATION.format(port=receiver_port))
    return {
        **os.environ,
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder / "data"),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "DRIFTLOOP_ALERTING_PORT": str(free_port()),
        "SECRET": "s3cret",
    }


@pytest.mark.broker
def test_killed_between_attempts_it_still_delivers_each_state_once(broker: Broker, tmp_path: Path) -> None:
    receiver_port, told = free_port(), list[AlertDelivered]()
    environment = _environment(broker, tmp_path, receiver_port)
    with (
        closing(Producer(broker.settings, "test")) as producer,
        closing(Tail(broker.settings, [ALERTS_DELIVERED.name])) as tail,
    ):
        with _running(environment):
            for _ in range(3):
                producer.send(alert(occurred_at=datetime.now(UTC)))
            producer.flush()
            until(lambda: _failed_once(environment))
        with (
            _running(environment) as process,
            Served(build_application(tmp_path / "alerts.jsonl", "s3cret"), receiver_port) as receiver,
        ):
            until(lambda: len(_received(receiver.url)), equals(1))
            producer.send(alert(occurred_at=datetime.now(UTC)))
            producer.send(alert(state="resolved", occurred_at=datetime.now(UTC)))
            producer.flush()
            until(lambda: len(_received(receiver.url)), equals(2))

            def count_told() -> int:
                told.extend(
                    found for message in tail.poll(0.1) if isinstance(found := decoded(message), AlertDelivered)
                )
                return len(told)

            until(count_told, at_least(2))
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
            assert [entry["body"]["status"] for entry in _received(receiver.url)] == ["firing", "resolved"]
    assert len({outcome.event_id for outcome in told}) == 2
    assert [(outcome.alert_state, outcome.delivered) for outcome in told] == [("firing", True), ("resolved", True)]
    assert told[0].attempts > 1


def _received(url: str) -> list[dict[str, dict[str, str]]]:
    entries: list[dict[str, dict[str, str]]] = httpx.get(f"{url}/alerts", timeout=PATIENCE_S).json()
    return entries


def _failed_once(environment: dict[str, str]) -> bool:
    file = Path(environment["DRIFTLOOP_DATA"]) / "control.db"
    if not file.exists():
        return False
    with closing(sqlite3.connect(file)) as connection:
        try:
            rows = connection.execute("SELECT attempts FROM deliveries").fetchall()
        except sqlite3.OperationalError:
            return False
    return bool(rows) and rows[0][0] > 0
