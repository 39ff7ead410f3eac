"""`driftloop replay` after a kill: all comes out as the warehouse holds it, and what is changed there shows."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.configuration_parser import parse_configuration
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
from stream_processors.replay.span import settling_ms
from tests.fixtures.broker import Broker
from tests.services.commands.replay.story import CONFIGURATION, deployed, driftloop_replay, send_traffic


class Deployment(NamedTuple):
    """What has played, and until when there was traffic."""

    environment: dict[str, str]
    until: datetime

    def replay(self, *options: str) -> tuple[int, str]:
        ended = driftloop_replay(self.environment, "--to", self.until.isoformat(), *options)
        return ended.returncode, ended.stdout + ended.stderr

    def execute(self, *statements: str) -> None:
        with Warehouse.connect(Settings.from_environment(self.environment)) as warehouse:
            for statement in statements:
                warehouse.execute(statement)

    def databases(self) -> list[str]:
        with Warehouse.connect(Settings.from_environment(self.environment)) as warehouse:
            return [
                row["name"] for row in warehouse.query("SELECT name FROM system.databases") if "replay" in row["name"]
            ]


@pytest.fixture(scope="module")
def deployment(
    broker: Broker, warehouse_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    with deployed(broker, warehouse_environment, tmp_path_factory.mktemp("story")) as (environment, functional):
        until = send_traffic(broker.settings, functional)
        settled = until + timedelta(milliseconds=settling_ms(parse_configuration(CONFIGURATION)))
        time.sleep(max(0.0, (settled - datetime.now(UTC)).total_seconds()))
        yield Deployment(environment, until)


@pytest.mark.broker
@pytest.mark.warehouse
def test_windows_drift_and_alerts_come_out_identical_after_a_kill(deployment: Deployment) -> None:
    status, told = deployment.replay("--json")
    verdict = json.loads(told)
    assert deployment.databases() == []
    assert (verdict["identical"], verdict["whole"], verdict["differences"]) == (True, True, []), told
    least = {"windows": 30, "drift": 8, "alerts": 3}
    identical = {account["kind"]: account["identical"] for account in verdict["accounts"]}
    assert all(identical[kind] >= count for kind, count in least.items()), told
    assert status == 0, told


@pytest.mark.broker
@pytest.mark.warehouse
def test_what_was_changed_in_the_warehouse_is_told_with_series_window_and_values(deployment: Deployment) -> None:
    deployment.execute(
        "INSERT INTO metric_windows SELECT * REPLACE("
        "'changed' AS event_id, late + 7 AS late, last_offset + 1 AS last_offset, offset + 1000 AS offset) "
        "FROM metric_windows FINAL ORDER BY window_end, source_topic, source_partition LIMIT 1 OFFSET 8",
        "DELETE FROM alerts WHERE state = 'resolved' AND monitor = 'accuracy-drop'",
    )
    status, told = deployment.replay("--keep")
    lines = told.splitlines()
    assert status == 1, told
    assert any("windows guard/v1/stable/-" in line and "late: warehouse 7, replay 0" in line for line in lines), told
    missing = "row: warehouse missing, replay there"
    assert any("accuracy-drop resolved" in line and line.endswith(missing) for line in lines), told
    assert len(deployment.databases()) == 1


def test_what_cannot_be_replayed_is_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "driftloop.yaml").write_text(CONFIGURATION)
    environment = {"DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml"), "DRIFTLOOP_DATA": str(tmp_path / "data")}
    ended = driftloop_replay(environment, "--from", "yesterday")
    assert (ended.returncode, ended.stdout) == (2, "")
    line = "driftloop: --from: neither a time (2026-01-31T12:00:00Z) nor how long ago (30m): 'yesterday'\n"
    assert ended.stderr == line
