"""The real process on a real broker with two real replicas, killed between its steps."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from schemas.learning import AdapterTrained, RolloutChanged
from schemas.observations import WindowClosed
from schemas.record import Variant
from schemas.topics import ROLLOUTS_CHANGED
from services.clients.bus.decoding import decoded
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.rollout.builders import trained, window
from tests.services.rollout.replica_server import Held, replica

V1, V2 = "prompt-guard-v1", "prompt-guard-v2"

CONFIGURATION = """
apps:
  - {{name: prompt-guard, base_model: tiny, upstreams: [{one}, {two}]}}
rollout:
  - {{app: prompt-guard, shadow_for: 1s, step_for: 1s, steps: [0.2, 0.5], min_count: 20, give_up_after: 5m}}
"""


class Rollout:
    """The process under test, started again whenever the test kills it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "services.rollout"]
        self._child = subprocess.Popen(command, env=self._environment, start_new_session=True)

    def kill(self) -> None:
        """Kill it and whatever child it has, as a machine that dies would."""
        assert self._child is not None
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def stop(self) -> int:
        """Stop it cleanly and return its status."""
        assert self._child is not None
        self._child.send_signal(signal.SIGTERM)
        return self._child.wait(PATIENCE_S)


@contextmanager
def deployed(broker: Broker, folder: Path, urls: tuple[str, str]) -> Iterator[Rollout]:
    (folder / "driftloop.yaml").write_text(CONFIGURATION.format(one=urls[0], two=urls[1]))
    environment = {
        **os.environ,
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder / "data"),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "DRIFTLOOP_ROLLOUT_PORT": str(free_port()),
    }
    process = Rollout(environment)
    process.start()
    try:
        yield process
    finally:
        process.kill()


class Watch:
    """Every change told so far; feeds windows meanwhile, as processors would."""

    def __init__(self, broker: Broker, producer: Producer) -> None:
        self._tail = Tail(broker.settings, [ROLLOUTS_CHANGED.name])
        self._producer = producer
        self._offset = 0
        self.told: list[RolloutChanged] = []

    def until(self, version: str, state: str) -> None:
        """Wait for a version to reach a state."""
        until(self._states, lambda states: (version, state) in states)

    def _states(self) -> list[tuple[str, str]]:
        for message in self._tail.poll(0.3):
            change = decoded(message)
            assert isinstance(change, RolloutChanged)
            self.told.append(change)
        self._feed(accuracy=0.95)
        return [(change.adapter_version, change.state) for change in self.told]

    def _feed(self, accuracy: float) -> None:
        self._offset += 100
        for version, variant, share in (
            (V1, Variant.STABLE, 0.9),
            (V2, Variant.SHADOW, accuracy),
            (V2, Variant.CANARY, accuracy),
        ):
            self._producer.send(_closed_now(version, variant, round(30 * share), self._offset))
        self._producer.flush()

    def close(self) -> None:
        self._tail.close()


def _closed_now(version: str, variant: Variant, correct: int, offset: int) -> WindowClosed:
    now = datetime.now(UTC)
    made = window(version, variant, 0, correct=correct, count=30, first=offset)
    start = now - timedelta(milliseconds=500)
    event_id = f"{made.event_id}-{version}-{variant}"
    return msgspec.structs.replace(made, event_id=event_id, occurred_at=now, window_start=start, window_end=now)


def trained_now(version: str, folder: Path) -> AdapterTrained:
    return msgspec.structs.replace(trained(version, uri=str(folder / version)), occurred_at=datetime.now(UTC))


@pytest.mark.broker
def test_killed_at_every_step_it_still_promotes_and_tells_each_change_once(broker: Broker, tmp_path: Path) -> None:
    for version in (V1, V2):
        (tmp_path / version).mkdir()
    held = Held(), Held()
    with (
        Served(replica(held[0])) as one,
        Served(replica(held[1])) as two,
        closing(Producer(broker.settings, "test")) as producer,
        closing(Watch(broker, producer)) as watch,
        deployed(broker, tmp_path, (one.url, two.url)) as process,
    ):
        producer.send(trained_now(V1, tmp_path))
        watch.until(V1, "promoted")
        producer.send(trained_now(V2, tmp_path))
        for state in ("loading", "shadow", "canary"):
            watch.until(V2, state)
            process.kill()
            process.start()
        watch.until(V2, "promoted")
        assert process.stop() == 0
    unique = {change.sequence: change for change in watch.told}
    assert sorted(unique) == list(range(1, len(unique) + 1))
    assert len({change.event_id for change in watch.told}) == len(unique)
    states = [f"{change.state}{change.step}" for _, change in sorted(unique.items()) if change.adapter_version == V2]
    assert states == ["loading0", "shadow0", "canary0", "canary1", "promoted0"]
    assert all(set(one.adapters) == {V1, V2} for one in held)


@pytest.mark.broker
def test_a_busy_port_ends_it_with_one_line(broker: Broker, tmp_path: Path) -> None:
    with Served(replica(Held())) as taken:
        (tmp_path / "driftloop.yaml").write_text(CONFIGURATION.format(one=taken.url, two=taken.url))
        environment = {
            **os.environ,
            **broker.environment,
            "DRIFTLOOP_DATA": str(tmp_path),
            "DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml"),
            "DRIFTLOOP_ROLLOUT_PORT": str(taken.port),
        }
        ended = subprocess.run(
            [sys.executable, "-m", "services.rollout"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert ended.returncode == 2
    assert ended.stderr == f"rollout: port {taken.port} is taken; set DRIFTLOOP_ROLLOUT_PORT to a free one\n"
