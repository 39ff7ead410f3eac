"""A processor is ready once it holds partitions and has read what was there."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from services.clients.bus.producer import Producer
from tests.fixtures.broker import Broker
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.services.sink.sinks import CONFIGURATION, feedback


@pytest.mark.broker
def test_it_is_ready_once_it_has_read_what_was_there_and_tells_its_lag(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "driftloop.yaml").write_text(CONFIGURATION)
    port = free_port()
    own = {
        "DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml"),
        "DRIFTLOOP_DATA": str(tmp_path / "data"),
        "DRIFTLOOP_FUNCTIONAL_PORT": str(port),
        "DRIFTLOOP_READY_LAG": "0",
    }
    with closing(Producer(broker.settings, "test")) as producer:
        for index in range(300):
            producer.send(feedback(f"waiting-{index}"))
        producer.flush()
    command = [sys.executable, "-m", "stream_processors", "functional"]
    with subprocess.Popen(command, env={**os.environ, **broker.environment, **own}) as process:
        try:
            until(lambda: _asked(port, "healthz"), equals({"started": True, "assigned": True, "caught_up": True}))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
                text = answer.read().decode()
            assert 'driftloop_consumer_lag_records{process="functional"} 0.0' in text
        finally:
            process.terminate()


def _asked(port: int, path: str) -> dict[str, bool]:
    """Return the conditions, or nothing unless all of them hold."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=PATIENCE_S) as answer:
            conditions: dict[str, bool] = json.load(answer)
    except (urllib.error.URLError, OSError):
        return {}
    return conditions
