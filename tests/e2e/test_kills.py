"""kill -9 of every process while the loop mends itself: it still ends in the promotion, with nothing lost."""

import random
import threading
from pathlib import Path

import pytest

from services.commands.demo.account import balance
from services.commands.demo.acts import meet_the_shift, serve_well
from services.commands.demo.play import staged
from services.embedded.supervisor import Supervisor
from tests.e2e.stack import tiny_scenario, tiny_stack
from tests.fixtures.waiting import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SEED = 20261122
SPARED = frozenset({"receiver"})  # it stands for what others run


class Killer(threading.Thread):
    """Kills each process once, in seeded random order, at seeded random moments."""

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(name="killer", daemon=True)
        self._supervisor = supervisor
        self._random = random.Random(SEED)
        self.done = threading.Event()
        self.killed: list[str] = []

    def run(self) -> None:
        names = sorted(name for name in self._supervisor.pids() if name not in SPARED)
        for name in self._random.sample(names, len(names)):
            if self.done.wait(self._random.uniform(1.0, 4.0)):
                return
            while name not in self._supervisor.pids():
                if self.done.wait(0.1):
                    return
            self._supervisor.kill(name)
            self.killed.append(name)


def test_loop_ends_in_the_promotion_though_every_process_is_killed(tmp_path: Path, tiny_model: Path) -> None:
    with tiny_stack(tmp_path, tiny_model) as (settings, supervisor, narrator, told):
        with staged(tiny_scenario(), settings, supervisor, narrator) as stage:
            first = serve_well(stage)
            killer = Killer(supervisor)
            victims = set(supervisor.pids()) - SPARED
            killer.start()
            mended = meet_the_shift(stage, first.version)
            killer.join(PATIENCE_S)
            killer.done.set()
            stage.traffic.stop()
            supervisor.wait_healthy()
            events = balance(stage.observer, stage.traffic.ledger, stage.sent)
        assert set(killer.killed) == victims, told.getvalue()
        assert mended.promotion["adapter_version"] != first.version
        assert events.lost == 0
        assert events.sent == events.stored + events.dead_lettered
