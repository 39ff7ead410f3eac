"""From the spool into Kafka, in a thread of its own.

Order of effects for each batch: 1. read from disk, 2. send, 3. wait until Kafka has all of it,
4. note the place on disk and delete finished segments. Death before 4 sends the batch again.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache

from services.clients.bus.errors import BufferFull, BusError, Undelivered
from services.clients.bus.partitioning import partition_of
from services.clients.bus.producer import Producer
from services.parts.spool.packing import Parcel, packed
from services.parts.spool.spool import Batch, Spool

_LOG = logging.getLogger(__name__)
_BATCH = 1000
_IDLE_S = 0.1
_LINGER_S = 0.05
_FLUSH_S = 2.0
_RETRY_S = 0.5
_SYNC_EVERY_S = 1.0


class Forwarder:
    """Drains a spool for as long as it runs.

    A broker that is away delays it and nothing else: it tries again for ever. Between small batches
    it waits 50 ms, so that a busy process pays for few of them, and what came meanwhile travels in
    arrays (services.parts.spool.packing).

    Args:
        connect: Makes the producer, or raises BusError; called in the forwarder's thread, and again
            after a failed delivery.
    """

    def __init__(self, spool: Spool, connect: Callable[[], Producer]) -> None:
        self._spool, self._connect = spool, connect
        self._producer: Producer | None = None
        self._stopping = threading.Event()
        self._synced_at = 0.0
        self._away = self._suspect = False
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

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._forward()
            except Exception:  # noqa: BLE001  # the loop of a worker: it logs and goes on
                # The batch was not acknowledged, so it comes again, to a new producer.
                _LOG.exception("forwarding failed; starting over")
                self._suspect = True
                self._stopping.wait(_RETRY_S)
        self._disconnect()

    def _forward(self) -> None:
        if self._suspect:
            self._suspect = False
            self._disconnect()
        batch = self._spool.read(_BATCH, _IDLE_S)
        if batch is None:
            return
        if self._delivered(batch):
            self._spool.acknowledge(batch)
        if len(batch.entries) < _BATCH:
            self._stopping.wait(_LINGER_S)

    def _delivered(self, batch: Batch) -> bool:
        """Send a batch until Kafka has it; False when the process stops first."""
        parcels: list[Parcel] = []
        sent = 0
        while not self._stopping.is_set():
            try:
                parcels = parcels or self._packed(batch)
            except BusError:
                self._away_for_a_while()
                continue
            sent += self._sent(parcels[sent:])
            if sent == len(parcels):
                if self._flushed():
                    self._note(away=False)
                    return True
                sent = 0
        return False

    def _packed(self, batch: Batch) -> list[Parcel]:
        numbers = cache(self._connected().partitions)
        return packed(batch.entries, lambda topic, key: partition_of(key, numbers(topic)))

    def _sent(self, parcels: Sequence[Parcel]) -> int:
        """Hand messages to the producer; return how many it took. Waits when it took fewer."""
        for number, parcel in enumerate(parcels):
            try:
                self._connected().send_raw(
                    parcel.topic, parcel.value, key=parcel.key, headers=parcel.headers, partition=parcel.partition
                )
            except BufferFull as error:
                self._wait(error.retry_after)
                return number
            except BusError:
                self._away_for_a_while()
                return number
        return len(parcels)

    def _away_for_a_while(self) -> None:
        self._note(away=True)
        self._wait(_RETRY_S)

    def _connected(self) -> Producer:
        self._producer = self._producer or self._connect()
        return self._producer

    def _flushed(self) -> bool:
        """Wait for Kafka; False when something of the batch failed for good and must be sent again."""
        while (producer := self._producer) is not None:
            try:
                producer.flush(_FLUSH_S)
            except Undelivered:
                self._note(away=True)
                # Messages that merely wait may still arrive: sending them again now would double them.
                if producer.buffered_bytes and not self._stopping.is_set():
                    self._wait(0)
                    continue
                self._disconnect()
                return False
            return True
        return False

    def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _wait(self, seconds: float) -> None:
        if time.monotonic() - self._synced_at > _SYNC_EVERY_S:
            self._spool.sync()
            self._synced_at = time.monotonic()
        self._stopping.wait(seconds)

    def _note(self, *, away: bool) -> None:
        if away != self._away:
            _LOG.warning("broker %s, %d events wait", "is away" if away else "is back", self._spool.waiting)
        self._away = away
