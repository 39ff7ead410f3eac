"""What keys use: their requests of the last minute, and of the month what the store has and what it has yet to get."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from schemas.access import NOTHING, AccessKey, Spent, month_of

Use = dict[tuple[str, str], Spent]


class Meter:
    """Counts by key. Safe to use from several threads.

    Requests of the minute are this process's own; the month's are everybody's as of the last exchange with the
    store, and this process's since.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minutes: dict[str, deque[float]] = {}
        self._month, self._stored = "", dict[str, Spent]()
        self._unsettled: Use = {}

    def minute_of(self, key: AccessKey) -> deque[float]:
        """Return when a key's last requests were let in, as many as its limit at most."""
        most = key.limits.requests_per_minute
        taken = self._minutes.get(key.key_id)
        if taken is None or taken.maxlen != most:
            taken = self._minutes[key.key_id] = deque(taken or (), maxlen=most)
        return taken

    def spent(self, key_id: str, now: datetime) -> Spent:
        """Return what a key has used in the month of an instant."""
        month = month_of(now)
        with self._lock:
            stored = self._stored.get(key_id, NOTHING) if month == self._month else NOTHING
            return stored + self._unsettled.get((key_id, month), NOTHING)

    def take(self, key: AccessKey, at: float) -> None:
        """Count a request that is let in."""
        if key.limits.requests_per_minute is not None:
            self.minute_of(key).append(at)
        self._add(key.key_id, Spent(requests=1))

    def charge(self, key_id: str, tokens: int, usd: float) -> None:
        """Count what a call has used."""
        self._add(key_id, Spent(tokens=tokens, usd=usd))

    def unsettled(self) -> Use:
        """Return what the store has yet to get, by key id and month."""
        with self._lock:
            return dict(self._unsettled)

    def settle(self, told: Use, month: str, stored: Mapping[str, Spent]) -> None:
        """Note that the store has got what it was told, and what it holds of a month since."""
        with self._lock:
            self._month, self._stored = month, dict(stored)
            for place, spent in told.items():
                rest = self._unsettled.pop(place, NOTHING) - spent
                if rest != NOTHING:
                    self._unsettled[place] = rest

    def _add(self, key_id: str, spent: Spent) -> None:
        place = key_id, month_of(self._clock())
        with self._lock:
            self._unsettled[place] = self._unsettled.get(place, NOTHING) + spent
