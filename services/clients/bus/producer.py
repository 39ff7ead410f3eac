"""The way into the broker: keyed by the catalogue, acknowledged by all replicas, bounded in memory."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from schemas.codec import encode, headers_of
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import key_of, topic_of
from services.clients.bus.connection import UNREACHABLE, open_producer
from services.clients.bus.errors import BrokerDown, BufferFull, Undelivered

MAX_BUFFERED_BYTES = 32 * 1024 * 1024
_RETRY_AFTER_S = 0.1
_OVERHEAD_BYTES = 200


class Producer:
    """Sends messages in the background. Safe to share between threads.

    `send` returns once the message is buffered; at most MAX_BUFFERED_BYTES wait unacknowledged. The
    broker is first contacted by the first `send`, so a process may start before its broker. A
    message that is not acknowledged within two minutes counts as failed, and `flush` says so.
    """

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._client: Any = None
        self._lock = threading.Condition()
        self._sizes: dict[int, int] = {}
        self._taken = 0
        self._buffered = 0
        self._failed = 0
        self._reason = ""

    def send(self, record: Record) -> None:
        """Buffer a record for its topic, with its key and CloudEvents headers.

        Raises:
            BufferFull: Not taken; wait `retry_after` and send again.
            BrokerDown: Not taken; the broker or the topic can't be found.
        """
        self.send_raw(topic_of(record).name, encode(record), key=key_of(record), headers=headers_of(record))

    def send_raw(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """Buffer a message as it is; without a partition its key decides. Raises as `send` does."""
        number = self._reserve(len(value or b"") + len(key or b"") + _OVERHEAD_BYTES)
        try:
            future = self._connected().send(
                topic, value=value or b"", key=key, headers=list(headers), partition=partition
            )
        except UNREACHABLE as error:
            self._settle(number, None)
            raise BrokerDown(self._settings.kafka) from error
        except BaseException:
            self._settle(number, None)
            raise
        future.add_callback(lambda _: self._settle(number, None))
        future.add_errback(lambda error: self._settle(number, error))

    def partitions(self, topic: str) -> Sequence[int]:
        """Return the numbers of a topic's partitions, ascending.

        Raises:
            BrokerDown: The broker or the topic can't be found.
        """
        try:
            return sorted(self._connected().partitions_for(topic))
        except UNREACHABLE as error:
            raise BrokerDown(self._settings.kafka) from error

    def flush(self, timeout_s: float = 30) -> None:
        """Wait until everything sent so far is acknowledged.

        Raises:
            Undelivered: Something sent since the last flush failed or is still unacknowledged.
        """
        deadline = time.monotonic() + timeout_s
        if self._client is not None:
            with suppress(*UNREACHABLE):
                self._client.flush(timeout=timeout_s)
        with self._lock:
            # The client's own flush may return before the last callback has run.
            last = self._taken
            self._lock.wait_for(lambda: not self._waiting(last), timeout=max(0.1, deadline - time.monotonic()))
            failed, self._failed = self._failed, 0
            if waiting := self._waiting(last):
                raise Undelivered(failed + waiting, f"no acknowledgement within {timeout_s} s")
        if failed:
            raise Undelivered(failed, self._reason)

    def close(self) -> None:
        """Send what is buffered, for a few seconds at most, and disconnect. Only `flush` tells of failures."""
        if self._client is not None:
            try:
                self._client.close(timeout=3)
            except UNREACHABLE:
                # kafka-python gives up closing when its flush does, and its thread would go on for ever.
                self._client._sender.force_close()
                self._client._sender.join(1)

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait for an acknowledgement."""
        return self._buffered

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = open_producer(
                    self._settings,
                    client_id=self._client_id,
                    linger_ms=5,
                    batch_size=128 * 1024,
                    max_block_ms=5_000,
                    max_request_size=8 * 1024 * 1024,
                )
            return self._client

    def _reserve(self, size: int) -> int:
        with self._lock:
            if self._buffered + size > MAX_BUFFERED_BYTES:
                raise BufferFull(self._buffered, _RETRY_AFTER_S)
            self._taken += 1
            self._buffered += size
            self._sizes[self._taken] = size
            return self._taken

    def _waiting(self, last: int) -> int:
        """Return how many of the messages up to number `last` wait; numbers stand in order."""
        oldest = next(iter(self._sizes), last + 1)
        return sum(1 for number in self._sizes if number <= last) if oldest <= last else 0

    def _settle(self, number: int, error: BaseException | None) -> None:
        with self._lock:
            self._buffered -= self._sizes.pop(number)
            if error is not None:
                self._failed += 1
                self._reason = type(error).__name__
            self._lock.notify_all()
