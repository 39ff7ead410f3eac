"""The keys of a deployment in memory, kept up with the control store by a thread.

Each round tells the store what was used and reads all keys again, in one transaction. A store that is away leaves
the ring as it is: keys that were good stay good, and what they use is told when it is back.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from schemas.access import AccessKey, month_of
from services.clients.store.keys import Held, KeyStore, StoreAway
from services.parts.access.meter import Meter
from services.parts.access.secrets import digest_of

_LOG = logging.getLogger(__name__)
EVERY_S = 1.0
"""A key that is made or revoked is known within this and the time of one reading: two seconds are promised."""


class KeyRing:
    """Keys by their secret, from construction to `close`; `find` may be asked from any thread.

    Raises:
        StoreAway: The first reading fails: nobody can be known yet.
    """

    def __init__(self, store: KeyStore, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self.meter = Meter(clock)
        self._held = Held({}, {})
        self._read_at, self._away = 0.0, False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)
        self._exchange()

    def start(self) -> None:
        """Begin to follow the store."""
        self._thread.start()

    def close(self) -> None:
        """Stop following, and tell the store what was used since."""
        self._stopping.set()
        self._thread.join()
        try:
            self._exchange()
        except StoreAway as error:
            _LOG.warning("what keys used in the end could not be told to the control store: %s", error)
        self._store.close()

    def find(self, secret: bytes) -> AccessKey | None:
        """Return the key of a secret, good or not any more."""
        return self._held.keys.get(digest_of(secret))

    def opens(self, now: datetime) -> bool:
        """Return whether there is a key by which anybody could come in."""
        return any(key.state(now) == "active" for key in self._held.keys.values())

    @property
    def age_s(self) -> float:
        """How long ago the store was read."""
        return time.monotonic() - self._read_at

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            try:
                self._exchange()
            except StoreAway as error:
                self._note_away(str(error))
            except Exception:  # noqa: BLE001  # the loop of a worker: it logs and goes on
                _LOG.exception("keeping up with the keys failed; trying again")

    def _exchange(self) -> None:
        used, month = self.meter.unsettled(), month_of(self._clock())
        self._held = self._store.exchange(used, month)
        self.meter.settle(used, month, self._held.spent)
        self._read_at = time.monotonic()
        if self._away:
            _LOG.info("the keys are read again: %d", len(self._held.keys))
        self._away = False

    def _note_away(self, why: str) -> None:
        if not self._away:
            _LOG.warning("the control store can't be read, the %d keys stay as they are: %s", len(self._held.keys), why)
        self._away = True
