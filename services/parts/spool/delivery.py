"""From a stretch of the spool into Kafka.

Order of effects: 1. read from disk, 2. send, 3. wait until Kafka has all of it. Only then is it told as carried.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

from services.clients.bus.errors import BufferFull, BusError, Undelivered
from services.clients.bus.partitioning import partition_of
from services.clients.bus.producer import Producer
from services.parts.spool.packing import Parcel, packed
from services.parts.spool.segments import Batch, Carried, Stretch, batch_of

AT_ONCE = 1000
_FLUSH_S = 2.0
_RETRY_S = 0.5


class Watch(Protocol):
    """Who waits for a delivery."""

    @property
    def stopping(self) -> bool:
        """Nobody waits any more."""
        ...

    def note(self, *, away: bool) -> None:
        """Learn whether the broker is away."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass, not after the stop."""
        ...


class Carrier(Protocol):
    """Brings stretches to Kafka, one at a time."""

    def carry(self, stretch: Stretch, watch: Watch) -> Carried | None:
        """Return what of a stretch Kafka has, at least some of it; None when it has none, and may be asked again.

        A broker that is away is waited for, for ever. Whatever is raised instead, the stretch may be carried again.
        """
        ...

    def close(self) -> None:
        """Let go of the broker."""
        ...


class Delivery:
    """Carries in this thread.

    Args:
        connect: Makes the producer, or raises BusError; called again after a failed delivery.
    """

    def __init__(self, connect: Callable[[], Producer]) -> None:
        self._connect = connect
        self._producer: Producer | None = None
        self._suspect = False

    def carry(self, stretch: Stretch, watch: Watch) -> Carried | None:
        """Return what of a stretch Kafka has; see Carrier."""
        if self._suspect:
            # What it holds of a delivery that failed half-way must not come after the next one.
            self.close()
        self._suspect = True
        batch = batch_of(stretch, AT_ONCE)
        carried = batch.carried if not batch.entries or self._delivered(batch, watch) else None
        self._suspect = False
        return carried

    def close(self) -> None:
        """Let go of the broker."""
        self._suspect = False
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _delivered(self, batch: Batch, watch: Watch) -> bool:
        """Send a batch until Kafka has it; False when the process stops first."""
        parcels: list[Parcel] = []
        sent = 0
        while not watch.stopping:
            try:
                parcels = parcels or self._packed(batch)
            except BusError:
                _away_for_a_while(watch)
                continue
            sent += self._sent(parcels[sent:], watch)
            if sent == len(parcels):
                if self._flushed(watch):
                    watch.note(away=False)
                    return True
                sent = 0
        return False

    def _packed(self, batch: Batch) -> list[Parcel]:
        numbers = cache(self._connected().partitions)
        return packed(batch.entries, lambda topic, key: partition_of(key, numbers(topic)))

    def _sent(self, parcels: Sequence[Parcel], watch: Watch) -> int:
        """Hand messages to the producer; return how many it took. Waits when it took fewer."""
        for number, parcel in enumerate(parcels):
            try:
                self._connected().send_raw(
                    parcel.topic, parcel.value, key=parcel.key, headers=parcel.headers, partition=parcel.partition
                )
            except BufferFull as error:
                watch.wait(error.retry_after)
                return number
            except BusError:
                _away_for_a_while(watch)
                return number
        return len(parcels)

    def _connected(self) -> Producer:
        self._producer = self._producer or self._connect()
        return self._producer

    def _flushed(self, watch: Watch) -> bool:
        """Wait for Kafka; False when something of the batch failed for good and must be sent again."""
        while (producer := self._producer) is not None:
            try:
                producer.flush(_FLUSH_S)
            except Undelivered:
                watch.note(away=True)
                # Messages that merely wait may still arrive: sending them again now would double them.
                if producer.buffered_bytes and not watch.stopping:
                    watch.wait(0)
                    continue
                self.close()
                return False
            return True
        return False


def _away_for_a_while(watch: Watch) -> None:
    watch.note(away=True)
    watch.wait(_RETRY_S)
