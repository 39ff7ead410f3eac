"""The queue itself: append on one side, read and acknowledge on the other, bounded in bytes.

The promise. When `append` returns, the entries are in the operating system's file cache: the death
of the process, kill -9 included, loses none of them, and they are read in the order of appending.
The loss of the machine loses what was neither forwarded nor synced; the forwarder syncs once a second
while the broker is away, and nothing is synced on the caller's path.
Kafka may get an entry twice: when the process dies between Kafka's acknowledgement and the note of it.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from schemas.settings import DEFAULT_SPOOL_BYTES, WhenFull
from services.parts.spool.entries import Entry, frame
from services.parts.spool.segments import (
    Batch,
    Carried,
    Place,
    PlaceFile,
    Segment,
    Stretch,
    batch_of,
    found_segments,
    highest_number,
    segment_path,
)

_LOG = logging.getLogger(__name__)
_SEGMENTS = 8
_TIDY_BYTES = 4 * 1024 * 1024
_RETRY_AFTER_S = 0.25
_TELL_EVERY_S = 10.0


class SpoolTaken(OSError):
    """Another living process has this folder open."""


class SpoolFull(Exception):
    """No room under the policy `block`; nothing was taken.

    Attributes:
        retry_after: Seconds after which appending again makes sense.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the spool holds its {max_bytes} bytes; the broker is away or too slow")
        self.retry_after = _RETRY_AFTER_S


class Spool:
    """One folder, one process. `append` from any thread, all that reads and acknowledges from one other.

    Args:
        folder: Made when missing; locked while open.
        max_bytes: Bound on the segments' bytes on disk.
        policy: What happens when full. `block`: append raises SpoolFull, the caller waits or
            refuses. `drop-oldest`: the oldest segment that isn't being sent is deleted and its
            entries are counted in `lost` and told in the log.

    Raises:
        SpoolTaken: Another process has it open.
    """

    def __init__(self, folder: Path, *, max_bytes: int = DEFAULT_SPOOL_BYTES, policy: WhenFull = "drop-oldest") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_file = _locked(folder / "lock")
        self._folder, self._policy, self._max_bytes = folder, policy, max_bytes
        self._segment_bytes = max(1, max_bytes // _SEGMENTS)
        self._places = PlaceFile(folder / "acknowledged")
        acknowledged = self._places.read()
        number = max(highest_number(folder), acknowledged.segment)
        self._segments = found_segments(folder, acknowledged)
        self._reading: int | None = None
        self._changed = threading.Condition()
        self._lost = 0
        self._tell_at = 0.0
        self._descriptor = self._open_segment(number + 1)

    @property
    def size_bytes(self) -> int:
        """Bytes on disk, frames already acknowledged in unfinished segments included."""
        with self._changed:
            return self._bytes()

    @property
    def waiting(self) -> int:
        """Entries that Kafka has not acknowledged."""
        with self._changed:
            return sum(segment.entries for segment in self._segments)

    @property
    def lost(self) -> int:
        """Entries dropped for want of room since the process started."""
        with self._changed:
            return self._lost

    @property
    def full(self) -> bool:
        """True when the next append would block or drop."""
        with self._changed:
            return self._bytes() >= self._max_bytes

    def append(self, entries: Sequence[Entry]) -> None:
        """Take entries, all or none, in one write.

        Raises:
            SpoolFull: No room, policy `block`.
            ValueError: An entry is larger than one may be.
        """
        data = b"".join(frame(entry) for entry in entries)
        with self._changed:
            if not self._made_room(len(data)) or not self._written(data):
                self._refuse(len(entries))
                return
            active = self._segments[-1]
            active.length += len(data)
            active.entries += len(entries)
            if active.length >= self._segment_bytes:
                self._roll()
            self._changed.notify()

    def oldest(self, timeout_s: float) -> Stretch | None:
        """Return where the oldest unacknowledged entries lie, or None when none came in time.

        They stay there until they are acknowledged, or another stretch is asked for. Any process may read them.
        """
        with self._changed:
            self._reading = None
            self._changed.wait_for(lambda: self._oldest() is not None, timeout_s)
            segment = self._oldest()
            if segment is None:
                return None
            self._reading = segment.number
            return Stretch(segment.number, str(segment.path), segment.start, segment.length)

    def settle(self, stretch: Stretch, carried: Carried) -> None:
        """Forget what Kafka has of a stretch.

        Deletes its segment if that was the last of it. A segment of which nothing could be read is spoilt: it is given
        up, and its entries are counted as lost.
        """
        if not carried.count:
            self._give_up(stretch.segment)
            return
        with self._changed:
            self._reading = None
            self._places.write(Place(stretch.segment, carried.end))
            segment = self._numbered(stretch.segment)
            segment.start = carried.end
            segment.entries -= carried.count
            if segment.entries == 0:
                self._tidy(segment)

    def read(self, max_entries: int, timeout_s: float) -> Batch | None:
        """Return the oldest unacknowledged entries, or None when none came in time.

        The same entries are returned until they are acknowledged.
        """
        stretch = self.oldest(timeout_s)
        batch = batch_of(stretch, max_entries) if stretch else None
        if stretch and batch and not batch.entries:
            self.settle(stretch, batch.carried)
        return batch if batch and batch.entries else None

    def acknowledge(self, batch: Batch) -> None:
        """Forget a batch: it is in Kafka."""
        self.settle(Stretch(batch.end.segment), batch.carried)

    def sync(self) -> None:
        """Bring what waits to the disk itself. Appends go on meanwhile."""
        with self._changed:
            segments = [segment for segment in self._segments if segment.synced < segment.length]
        for segment in segments:
            _sync(segment)

    def close(self) -> None:
        """Sync and let go of the folder; entries stay for the next start."""
        self.sync()
        with self._changed:
            os.close(self._descriptor)
            self._places.close()
            os.close(self._lock_file)

    def _bytes(self) -> int:
        return sum(segment.length for segment in self._segments)

    def _oldest(self) -> Segment | None:
        return next((segment for segment in self._segments if segment.entries), None)

    def _open_segment(self, number: int) -> int:
        path = segment_path(self._folder, number)
        self._segments.append(Segment(number, path))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _roll(self) -> None:
        sealed = self._segments[-1]
        os.close(self._descriptor)
        self._descriptor = self._open_segment(sealed.number + 1)
        if sealed.entries == 0:
            self._remove(sealed)

    def _tidy(self, finished: Segment) -> None:
        if finished is not self._segments[-1]:
            self._remove(finished)
        elif finished.length >= min(_TIDY_BYTES, self._segment_bytes):
            self._roll()

    def _made_room(self, size: int) -> bool:
        while self._bytes() + size > self._max_bytes:
            active = self._segments[-1]
            if active.length and active.entries == 0:
                self._roll()
            elif self._policy == "block" or not self._dropped_oldest():
                return False
        return True

    def _dropped_oldest(self) -> bool:
        if self._segments[-1].entries:
            self._roll()
        victim = next((s for s in self._segments[:-1] if s.number != self._reading), None)
        if victim is None:
            return False
        self._remove(victim)
        self._lose(victim.entries, "the spool is full, so its oldest are dropped")
        return True

    def _written(self, data: bytes) -> bool:
        # A short or failed write (disk full) is undone, or later frames would hide behind its torn one.
        try:
            written = os.write(self._descriptor, data)
        except OSError:
            written = -1
        if written != len(data):
            os.ftruncate(self._descriptor, self._segments[-1].length)
        return written == len(data)

    def _refuse(self, count: int) -> None:
        if self._policy == "block":
            raise SpoolFull(self._max_bytes)
        self._lose(count, "the spool is full or the disk takes no more")

    def _lose(self, count: int, why: str) -> None:
        self._lost += count
        if count and time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + _TELL_EVERY_S
            _LOG.error("%d events lost since the start: %s", self._lost, why)

    def _give_up(self, number: int) -> None:
        with self._changed:
            self._reading = None
            segment = self._numbered(number)
            if segment is self._segments[-1]:
                self._roll()
            self._remove(segment)
            self._lose(segment.entries, "a segment is spoilt on disk")

    def _numbered(self, number: int) -> Segment:
        return next(segment for segment in self._segments if segment.number == number)

    def _remove(self, segment: Segment) -> None:
        self._segments.remove(segment)
        segment.path.unlink(missing_ok=True)


def _sync(segment: Segment) -> None:
    length = segment.length
    try:
        descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # acknowledged and deleted since
    try:
        os.fdatasync(descriptor)
        segment.synced = length
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise SpoolTaken(f"{path.parent} is in use by another process") from error
    return descriptor
