"""The real process on a real broker with real replicas and a real judge: an app that writes, out and back."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec
import pytest

from schemas.learning import RolloutChanged, RolloutOrdered, RolloutState
from schemas.record import Variant
from schemas.topics import ROLLOUTS_CHANGED
from services.clients.bus.decoding import decoded
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import until
from tests.services.rollout.builders import APP, ordered
from tests.services.rollout.pairwise.answers import answered
from tests.services.rollout.pairwise.test_asking import Judge, kinder
from tests.services.rollout.replica_server import Held, replica
from tests.services.rollout.test_process import Rollout, _closed_now, trained_now

V1, V2, V3 = (f"prompt-guard-v{number}" for number in range(1, 4))
pytestmark = pytest.mark.broker

CONFIGURATION = """
apps:
  - {{name: prompt-guard, base_model: tiny, task: write, upstreams: [{one}, {two}]}}
rollout:
  - {{app: prompt-guard, {policy}, shadow_for: 1s, step_for: 1s, steps: [0.5], min_count: 20, give_up_after: 10m}}
"""


class Story:
    """What is told of the rollouts, while answers of every version in every role keep coming."""

    def __init__(self, broker: Broker, producer: Producer) -> None:
        self._tail = Tail(broker.settings, [ROLLOUTS_CHANGED.name])
        self._producer, self._offsets = producer, count(0, 100)
        self.told: dict[int, RolloutChanged] = {}

    def send(self, record: RolloutOrdered) -> None:
        """Order something."""
        self._producer.send(msgspec.structs.replace(record, occurred_at=datetime.now(UTC)))
        self._producer.flush()

    def until(self, holds: Callable[[RolloutChanged], bool]) -> RolloutChanged:
        """Wait for a change and return it."""
        until(self._look, lambda changes: any(map(holds, changes)))
        return next(change for change in self.told.values() if holds(change))

    def _look(self) -> list[RolloutChanged]:
        for message in self._tail.poll(0.3):
            change = decoded(message)
            assert isinstance(change, RolloutChanged)
            self.told[change.sequence] = change
        offset, now = next(self._offsets), datetime.now(UTC)
        for version in (V1, V2, V3):
            for variant in (Variant.STABLE, Variant.SHADOW):
                self._producer.send(_closed_now(version, variant, 27, offset))
        for variant in (Variant.STABLE, Variant.SHADOW):
            for number in range(5):
                self._producer.send(answered(f"request-{offset}-{number}", variant, now))
        self._producer.flush()
        return list(self.told.values())

    def close(self) -> None:
        self._tail.close()


@contextmanager
def running(broker: Broker, folder: Path, policy: str) -> Iterator[tuple[Story, Producer, tuple[Held, Held], Rollout]]:
    """The process, with two replicas."""
    held = Held(), Held()
    for version in (V1, V2, V3):
        (folder / version).mkdir()
    with (
        Served(replica(held[0])) as one,
        Served(replica(held[1])) as two,
        closing(Producer(broker.settings, "test")) as producer,
        closing(Story(broker, producer)) as story,
    ):
        (folder / "driftloop.yaml").write_text(CONFIGURATION.format(one=one.url, two=two.url, policy=policy))
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
            yield story, producer, held, process
        finally:
            process.kill()


def reached(version: str, state: RolloutState) -> Callable[[RolloutChanged], bool]:
    return lambda change: (change.adapter_version, change.state) == (version, state)


def back(version: str | None, order: str) -> RolloutOrdered:
    return msgspec.structs.replace(ordered("", "roll_back", order=order), back_to=version)


def test_versions_go_out_blue_green_and_any_of_them_comes_back_with_one_event(empty: Broker, tmp_path: Path) -> None:
    with running(empty, tmp_path, "strategy: blue-green") as (story, producer, held, process):
        for version in (V1, V2, V3):
            producer.send(trained_now(version, tmp_path))
            producer.flush()
            story.until(reached(version, RolloutState.PROMOTED))
        assert all({V2, V3} <= set(one.adapters) for one in held)

        before = len(story.told)
        story.send(back(None, "back-1"))
        change = story.until(reached(V3, RolloutState.ROLLED_BACK))
        assert (change.previous_version, change.reason) == (V2, "ordered by ada: by hand")
        assert [(route.adapter_version, route.weight) for route in change.routes] == [(V2, 1.0)]
        assert len(story.told) == before + 1
        assert [one.loads.count(V2) for one in held] == [1, 1], "it was loaded still"

        story.send(back("", "back-2"))
        story.until(reached(V2, RolloutState.ROLLED_BACK))
        for one in held:
            one.adapters.clear()
            one.loads.clear()
        process.kill()
        story.send(back(V1, "back-3"))
        process.start()
        change = story.until(lambda change: change.previous_version == V1 and change.sequence > before + 2)
        assert [(route.adapter_version, route.weight) for route in change.routes] == [(V1, 1.0)]
        assert [(V1 in one.adapters, one.loads.count(V1)) for one in held] == [(True, 1), (True, 1)]

        story.send(back("another-app-v1", "back-4"))
        change = story.until(lambda change: change.state is RolloutState.REFUSED)
        assert change.reason == f"no version 'another-app-v1' of {APP} has been trained"
        assert [route.adapter_version for route in change.routes] == [V1]
        assert sorted(story.told) == list(range(1, len(story.told) + 1))


def test_a_shadow_whose_answers_the_judge_finds_worse_never_answers_anyone(empty: Broker, tmp_path: Path) -> None:
    judge = Judge()
    judge.says = lambda quoted: {"first": "second", "second": "first"}.get(kinder(quoted), "tie")
    with Served(judge.application) as served:
        endpoint = f"{{form: judge, url: '{served.url}/v1', model: judge-1, rubric: The ruder one.}}"
        policy = f"judge: {{endpoint: {endpoint}, needed: 1}}"
        with running(empty, tmp_path, policy) as (story, producer, _, _):
            producer.send(trained_now(V1, tmp_path))
            producer.flush()
            story.until(reached(V1, RolloutState.PROMOTED))
            producer.send(trained_now(V2, tmp_path))
            producer.flush()
            change = story.until(reached(V2, RolloutState.ROLLED_BACK))
    assert "worse in shadow: it wins 0.000 of" in change.reason
    assert change.evidence["pairs"] >= 20
    assert not any(map(reached(V2, RolloutState.CANARY), story.told.values()))
