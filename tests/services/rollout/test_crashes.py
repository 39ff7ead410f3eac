"""A controller that dies at any of its effects goes on as if it had not, on the same store."""

import itertools
from pathlib import Path
from typing import cast

from schemas.configuration import App, Configuration
from schemas.learning import RolloutChanged
from schemas.record import Record, Variant
from schemas.settings import Settings
from services.clients.bus.producer import Producer
from services.clients.store.database import open_store
from services.parts.runtime.process import Process
from services.rollout.aliases import AliasMover
from services.rollout.convergence import Converger, Standing, Wanted
from services.rollout.lanes import Outcome
from services.rollout.loop import Loop
from services.rollout.persistence import RolloutStore
from tests.services.rollout.builders import APP, POLICY, at, ordered, trained, window

CONFIGURATION = Configuration(apps=(App(name=APP, base_model="tiny"),), rollout=(POLICY,))
V1, V2 = "prompt-guard-v1", "prompt-guard-v2"
SCRIPT: list[tuple[float, list[Record]]] = [
    (0, [trained(V1)]),
    (1, []),
    (2, [trained(V2)]),
    (3, []),
    (11, [window(V1, Variant.STABLE, 5, correct=300, count=400), window(V2, Variant.SHADOW, 5, correct=95, count=100)]),
    (14, []),
    (
        21,
        [window(V1, Variant.STABLE, 15, correct=300, count=400), window(V2, Variant.CANARY, 15, correct=38, count=40)],
    ),
    (26, []),
    (
        31,
        [window(V1, Variant.STABLE, 26, correct=240, count=300), window(V2, Variant.CANARY, 26, correct=95, count=100)],
    ),
    (37, []),
    (
        41,
        [
            window(V1, Variant.STABLE, 37, correct=150, count=200),
            window(V2, Variant.CANARY, 37, correct=190, count=200),
        ],
    ),
    (48, []),
    (50, [ordered(V2, "roll_back")]),
    (51, []),
]


class Crash(BaseException):
    """The process dies here."""


class Fuse:
    """Counts effects and dies before or after the one it is set to."""

    def __init__(self, dies_at: int) -> None:
        self._left = dies_at

    def burn(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Crash


class Bus(Producer):
    """Keeps what is sent."""

    def __init__(self, fuse: Fuse, told: list[RolloutChanged]) -> None:
        super().__init__(Settings.from_environment({}), "rollout")
        self._fuse, self._told = fuse, told

    def send(self, record: Record) -> None:
        self._fuse.burn()
        self._told.append(cast(RolloutChanged, record))
        self._fuse.burn()

    def flush(self, timeout_s: float = 30) -> None:
        self._fuse.burn()


class FragileStore(RolloutStore):
    """Dies before or after each of its transactions."""

    fuse: Fuse

    def save(self, outcome: Outcome, *args: object, **kwargs: object) -> None:
        self.fuse.burn()
        super().save(outcome, *args, **kwargs)  # type: ignore[arg-type]  # handed through
        self.fuse.burn()

    def keep_windows(self, windows: object) -> None:
        super().keep_windows(windows)  # type: ignore[arg-type]  # handed through
        self.fuse.burn()

    def confirm(self, changes: object) -> None:
        self.fuse.burn()
        super().confirm(changes)  # type: ignore[arg-type]  # handed through


class Replicas(Converger):
    """Holds at once what is wanted."""

    def __init__(self) -> None:
        super().__init__(lambda uri: Path(uri), interval_s=60)

    def want(self, wanted: object) -> None:
        self.wanted = cast(dict[str, Wanted], wanted)

    def standing(self, app: str) -> Standing:
        return Standing(replicas=("one",), held={"one": frozenset(self.wanted[app].versions)})


def played(store_url: str, dies_at: int) -> tuple[list[RolloutChanged], bool]:
    """Play the script, dying once; what was in hand is delivered again, as the bus would do."""
    engine, fuse, told, crashed = open_store(store_url), Fuse(dies_at), list[RolloutChanged](), False

    def started() -> Loop:
        store = FragileStore(engine)
        store.fuse = fuse
        process = Process("rollout", Settings.from_environment({}), CONFIGURATION)
        return Loop(process, store, Bus(fuse, told), Replicas(), AliasMover())

    loop = started()
    for seconds, records in SCRIPT:
        try:
            loop.round(records, at(seconds))
        except Crash:
            crashed = True
            loop = started()
            loop.round(records, at(seconds))
    engine.dispose()
    return told, crashed


def _story(told: list[RolloutChanged]) -> list[tuple[int, str, str, int]]:
    unique = {change.event_id: change for change in told}
    return sorted(
        (change.sequence, change.adapter_version, str(change.state), change.step) for change in unique.values()
    )


def test_the_script_without_a_crash_tells_the_whole_story(store_url: str) -> None:
    told, crashed = played(store_url, dies_at=0)
    assert not crashed
    assert [(version, state) for _, version, state, _ in _story(told)] == [
        (V1, "loading"),
        (V1, "promoted"),
        (V2, "loading"),
        (V2, "shadow"),
        *[(V2, "canary")] * 3,
        (V2, "promoted"),
        (V2, "rolled_back"),
    ]


def test_a_crash_at_any_effect_changes_nothing_of_the_story(tmp_path: Path) -> None:
    expected = _story(played(f"sqlite:///{tmp_path / 'whole.db'}", dies_at=0)[0])
    for dies_at in itertools.count(1):
        told, crashed = played(f"sqlite:///{tmp_path / f'{dies_at}.db'}", dies_at)
        assert _story(told) == expected, f"died at effect {dies_at}"
        if not crashed:
            break
    assert dies_at > 30
