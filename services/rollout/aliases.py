"""Registry aliases follow what is served: champion, former, challenger and canary. Best effort, never in the way.

MLflow is heavy to import, so each move runs in a short-lived child: `python -m services.rollout.aliases
APP ALIAS=VERSION ...`. The parent keeps only the last wish of each app and retries it until it holds.
"""

import logging
import os
import subprocess
import sys
import threading
from typing import cast

from schemas.learning import RolloutState
from schemas.settings import Settings
from services.rollout.states import Lane

log = logging.getLogger(__name__)

_CHILD_TIMEOUT_S = 120.0
_RETRY_S = 15.0
_ATTEMPTS = 8
_NOT_REGISTERED = 3


def aliases(lane: Lane) -> dict[str, str]:
    """Return the version behind each alias that has one."""
    active = lane.active
    under_way = {RolloutState.SHADOW: "challenger", RolloutState.CANARY: "canary"}.get(active.state) if active else None
    served = {"champion": lane.stable, "former": lane.previous}
    named = {**served, under_way or "": active.adapter_version if active else ""}
    return {alias: version for alias, version in named.items() if alias and version}


class AliasMover:
    """Moves aliases in a thread of its own; only the newest wish of each app matters."""

    def __init__(self) -> None:
        self._wishes: dict[str, dict[str, str]] = {}
        self._moved: dict[str, dict[str, str]] = {}
        self._attempts: dict[str, int] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="aliases", daemon=True)

    def start(self) -> None:
        """Begin to move."""
        self._thread.start()

    def close(self) -> None:
        """Stop, the child too: a move cut short is wished again at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._child is not None:
            self._child.terminate()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def wish(self, lane: Lane) -> None:
        """Say where an app's aliases should be."""
        wanted = aliases(lane)
        if wanted and wanted != self._wishes.get(lane.app):
            self._wishes[lane.app] = wanted
            self._attempts[lane.app] = 0
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_RETRY_S)
            self._wake.clear()
            for app, wanted in tuple(self._wishes.items()):
                if not self._stopping.is_set() and self._moved.get(app) != wanted and self._attempts[app] < _ATTEMPTS:
                    self._move(app, wanted)

    def _move(self, app: str, wanted: dict[str, str]) -> None:
        self._attempts[app] += 1
        pairs = [f"{alias}={version}" for alias, version in wanted.items()]
        command = [sys.executable, "-m", "services.rollout.aliases", app, *pairs]
        status = self._status_of(command)
        if status not in (0, _NOT_REGISTERED):
            log.warning("app=%s aliases not moved, attempt %d", app, self._attempts[app])
            return
        # A version comes to us after it was registered: one that is missing was made elsewhere.
        self._moved[app] = wanted
        log.info("app=%s aliases %s", app, " ".join(pairs))

    def _status_of(self, command: list[str]) -> int:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as child:  # noqa: S603
            self._child = child
            try:
                return child.wait(_CHILD_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                return child.wait()
            finally:
                self._child = None


def main(arguments: list[str]) -> None:
    """Move the aliases named on the command line, at the lowest priority."""
    os.nice(10)
    # Imported here: the controller imports this module too, and must stay light.
    from services.clients.registry.models import Alias, ModelRegistry

    app, pairs = arguments[0], [pair.partition("=") for pair in arguments[1:]]
    registry = ModelRegistry.connect(Settings.from_environment())
    for alias, _, version in pairs:
        try:
            registry.set_alias(app, cast(Alias, alias), version)
        except KeyError:
            print(f"aliases: {version} is not in the registry", file=sys.stderr)
            sys.exit(_NOT_REGISTERED)


if __name__ == "__main__":
    main(sys.argv[1:])
