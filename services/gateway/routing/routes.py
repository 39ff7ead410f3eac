"""The routing tables in force: the last RolloutChanged of each app, followed in a thread.

A snapshot on disk is read first, so a gateway that starts without its broker serves what it served
before. Without either, every app is answered by its base model.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from schemas.codec import BadRecord
from schemas.learning import RolloutChanged
from services.clients.bus.decoding import decoded
from services.clients.bus.errors import BusError
from services.clients.bus.message import Message
from services.clients.bus.tail import Tail
from services.gateway.routing.table import RoutingTable, newest, table_of

_LOG = logging.getLogger(__name__)
_BASE_ONLY = RoutingTable()
_RETRY_S = 0.5
_POLL_S = 0.5
_SNAPSHOT = msgspec.json.Decoder(dict[str, RolloutChanged])


class Routes:
    """Follows rollouts from `start` to `close`; `of` may be asked from any thread at any time.

    Args:
        open_tail: Opens the log of rollouts from its beginning; asked again when reading fails.
        folder: Where the snapshot is kept.
    """

    def __init__(self, open_tail: Callable[[], Tail], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._open_tail, self._snapshot = open_tail, folder / "routes.json"
        self._known = _read(self._snapshot)
        self._tables = {app: table_of(change) for app, change in self._known.items()}
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._away = False
        self._thread = threading.Thread(target=self._run, name="routes", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def wait_until_known(self, patience_s: float) -> None:
        """Wait for the log's end or the news that it can't be read, and never longer than told."""
        self._settled.wait(patience_s)

    def close(self) -> None:
        """Stop following."""
        self._stopping.set()
        self._thread.join(0.5)

    def of(self, app: str) -> RoutingTable:
        """Return an app's table; the base model alone when nothing was ever rolled out."""
        return self._tables.get(app, _BASE_ONLY)

    @property
    def alive(self) -> bool:
        """False when the thread died; the process should then end and be restarted."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with closing(self._open_tail()) as tail:
                    self._follow(tail)
            except BusError as error:
                self._note_away(str(error))
                self._stopping.wait(_RETRY_S)
            except Exception:  # noqa: BLE001  # the loop of a worker: it logs and goes on
                _LOG.exception("following rollouts failed; starting over")
                self._stopping.wait(_RETRY_S)

    def _follow(self, tail: Tail) -> None:
        while not self._stopping.is_set():
            self._take(tail.poll(_POLL_S))
            if tail.caught_up:
                self._away = False
                self._settled.set()

    def _note_away(self, why: str) -> None:
        if not self._away:
            _LOG.warning("rollouts can't be read, the routes stay as they are: %s", why)
        self._away = True
        self._settled.set()

    def _take(self, messages: Iterable[Message]) -> None:
        known = newest(self._known, _changes(messages))
        if known == self._known:
            return
        self._known = known
        self._tables = {app: table_of(change) for app, change in known.items()}
        _write(self._snapshot, known)
        for app, change in known.items():
            _LOG.info(
                "routes of %s: rollout %s is %s, sequence %d", app, change.rollout_id, change.state, change.sequence
            )


def _changes(messages: Iterable[Message]) -> Iterable[RolloutChanged]:
    for message in messages:
        try:
            record = decoded(message)
        except BadRecord as error:
            _LOG.warning("rollout at offset %d passed over: %s", message.offset, error.reason)
            continue
        if isinstance(record, RolloutChanged):
            yield record


def _read(path: Path) -> dict[str, RolloutChanged]:
    if not path.exists():
        return {}
    try:
        return _SNAPSHOT.decode(path.read_bytes())
    except msgspec.DecodeError:
        _LOG.warning("the snapshot of routes is unreadable; starting without it")
        return {}


def _write(path: Path, known: dict[str, RolloutChanged]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.encode(known))
    os.replace(draft, path)
