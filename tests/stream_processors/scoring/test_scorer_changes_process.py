"""A processor that starts with a new version of a scorer tells it on a real broker, once."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from schemas.evaluations import ScorerChanged
from schemas.topics import SCORERS_CHANGED
from services.clients.bus.decoding import decoded
from services.clients.bus.tail import Tail
from services.scorers.anchoring.memory import AnchorMemory, Turn
from tests.fixtures.broker import Broker
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.clients.bus.traffic import gather

pytestmark = pytest.mark.broker

CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
scorers:
  - {name: reference-distance, enabled: false}
  - name: mine
    entry_point: tests.stream_processors.scoring.shifting:make
    measures: [{name: prompt.injectedness, flagged: unsafe}]
"""


@contextmanager
def quality(environment: Mapping[str, str], version: str) -> Iterator[None]:
    """Run the processor with a version of the scorer until the block is left."""
    command = [sys.executable, "-m", "stream_processors", "quality"]
    child = subprocess.Popen(command, env={**os.environ, **environment, "TEST_SCORER_VERSION": version})
    try:
        yield
    finally:
        child.terminate()
        assert child.wait(PATIENCE_S) == 0


def started(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S) as answer:
        return bool(answer.status == 200)
    return False


def told(broker: Broker, wanted: int) -> list[ScorerChanged]:
    with closing(Tail(broker.settings, [SCORERS_CHANGED.name])) as tail:
        records = [decoded(message) for message in gather(tail.poll, lambda got: len(got) >= wanted)]
    return [record for record in records if isinstance(record, ScorerChanged)]


def settled(versions: list[str], history: list[Turn]) -> bool:
    return [turn.version for turn in history] == versions and all(turn.told for turn in history)


def test_a_change_of_version_is_told_once_however_often_the_process_starts(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "driftloop.yaml").write_text(CONFIGURATION)
    memory, port = AnchorMemory(tmp_path / "data"), free_port()
    environment = {
        **broker.environment,
        "DRIFTLOOP_QUALITY_PORT": str(port),
        "DRIFTLOOP_DATA": str(tmp_path / "data"),
        "DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml"),
    }

    for starts in (["1"], ["1", "2"], ["1", "2"], ["1", "2", "3"]):
        with quality(environment, starts[-1]):
            until(lambda: started(port))
            until(lambda: memory.history("mine"), partial(settled, starts))

    changes = told(broker, 2)
    assert [(one.previous_version, one.version) for one in changes] == [("1", "2"), ("2", "3")]
    (shift,) = changes[0].measures
    assert 0.05 < shift.mean_shift <= 0.1
    assert shift.labels_changed > 0
