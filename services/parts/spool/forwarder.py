"""The spool's way out: a thread that hands over what waits, oldest first, and forgets it when Kafka has it.

Order of effects: 1. a stretch of the oldest segment is handed over, 2. its carrier (services.parts.spool.delivery)
brings it to Kafka, 3. the place is noted on disk and finished segments are deleted. Death before 3 sends it again.
"""

import logging
import threading
import time

from services.parts.spool.delivery import AT_ONCE, Carrier
from services.parts.spool.spool import Spool

_LOG = logging.getLogger(__name__)
_IDLE_S = 0.1
_LINGER_S = 0.05
_RETRY_S = 0.5
_SYNC_EVERY_S = 1.0


class Forwarder:
    """Drains a spool for as long as it runs.

    A broker that is away delays it and nothing else: it is waited for, for ever. Between small batches
    it waits 50 ms, so that a busy process pays for few of them, and what came meanwhile travels in
    arrays (services.parts.spool.packing).

    Args:
        carrier: Used in the forwarder's thread alone.
    """

    def __init__(self, spool: Spool, carrier: Carrier) -> None:
        self._spool, self._carrier = spool, carrier
        self._stopping = threading.Event()
        self._synced_at = 0.0
        self._away = False
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)

    def start(self) -> None:
        """Begin to drain."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Stop after the batch in hand, or when the time is up. What is left waits for the next start."""
        deadline = time.monotonic() + timeout_s
        while not self._away and self._spool.waiting and time.monotonic() < deadline:
            time.sleep(0.01)
        self._stopping.set()
        self._thread.join(0.5 if self._away else max(0.5, deadline - time.monotonic()))

    @property
    def alive(self) -> bool:
        """False when the thread died; the process should then end and be restarted."""
        return self._thread.is_alive()

    @property
    def away(self) -> bool:
        """Whether the broker was away when it was last asked for."""
        return self._away

    @property
    def stopping(self) -> bool:
        """Whether deliveries are to be given up."""
        return self._stopping.is_set()

    def note(self, *, away: bool) -> None:
        """Log that the broker went or came back."""
        if away != self._away:
            _LOG.warning("broker %s, %d events wait", "is away" if away else "is back", self._spool.waiting)
        self._away = away

    def wait(self, seconds: float) -> None:
        """Let time pass, with what waits synced once a second."""
        if time.monotonic() - self._synced_at > _SYNC_EVERY_S:
            self._spool.sync()
            self._synced_at = time.monotonic()
        self._stopping.wait(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._forward()
            except Exception:  # noqa: BLE001  # the loop of a worker: it logs and goes on
                # The batch was not acknowledged, so it comes again.
                _LOG.exception("forwarding failed; starting over")
                self._stopping.wait(_RETRY_S)
        self._carrier.close()

    def _forward(self) -> None:
        stretch = self._spool.oldest(_IDLE_S)
        carried = self._carrier.carry(stretch, self) if stretch else None
        if stretch is None or carried is None:
            return
        self._spool.settle(stretch, carried)
        if carried.count < AT_ONCE:
            self._stopping.wait(_LINGER_S)
