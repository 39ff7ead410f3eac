"""The door of a process: a request's headers in, who came in or why not out. Waits for nothing and nobody."""

import time
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry

from schemas.access import AccessKey, Scope
from services.parts.access.admitted import Admitted
from services.parts.access.decisions import Denial, closed, out_of_scope, over_minute, over_month, unknown
from services.parts.access.measures import AccessMeasures
from services.parts.access.ring import KeyRing
from services.parts.access.secrets import Headers, secret_in


class Door:
    """Lets in who has a key. Asked from the event loop alone."""

    def __init__(self, ring: KeyRing, registry: CollectorRegistry, clock: Callable[[], datetime]) -> None:
        self._ring, self._clock = ring, clock
        self._measures = AccessMeasures(ring, registry)

    def admit(self, headers: Headers, needed: Collection[Scope]) -> Admitted | Denial:
        """Return who asks, counted as one request of its key; or why it is not let in, which counts as none.

        Args:
            headers: Names in lower case.
            needed: Scopes, any of which is enough.
        """
        secret = secret_in(headers)
        key = self._ring.find(secret) if secret else None
        verdict = unknown(told=secret is not None) if key is None else self._judged(key, needed)
        if isinstance(verdict, Denial):
            self._measures.denied.labels(verdict.code).inc()
        return verdict

    def _judged(self, key: AccessKey, needed: Collection[Scope]) -> Admitted | Denial:
        now, at, meter = self._clock(), time.monotonic(), self._ring.meter
        denial = closed(key, now) or out_of_scope(key, needed)
        if denial is None and key.limits.requests_per_minute is not None:
            denial = over_minute(meter.minute_of(key), key.limits, at)
        if denial is None and key.limits.of_month and "infer" in needed:
            denial = over_month(key.limits, meter.spent(key.key_id, now), now)
        if denial is not None:
            return denial
        meter.take(key, at)
        return Admitted(key.app, key.tenant, key.scopes, partial(meter.charge, key.key_id))
