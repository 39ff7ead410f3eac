"""Files of the spool: numbered, append-only, deleted whole. No policy here.

`<number>.segment` holds frames (services.parts.spool.entries); `acknowledged` holds the place up to which
Kafka has everything. Numbers only grow, also over restarts.
"""

import logging
import os
import struct
import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from services.parts.spool.entries import MAX_FRAME_BYTES, Entry, entry_in, payloads_in

_LOG = logging.getLogger(__name__)
_PLACE = struct.Struct("<QQ")
_CHECKSUM = struct.Struct("<I")


@dataclass(slots=True)
class Segment:
    """One file and how far it is valid.

    Attributes:
        length: Bytes of whole frames.
        entries: Frames in it that Kafka has not acknowledged.
        start: Offset of the first unacknowledged frame.
        synced: Bytes known to be on the disk itself.
    """

    number: int
    path: Path
    length: int = 0
    entries: int = 0
    start: int = 0
    synced: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """An offset in a segment; everything before it is acknowledged."""

    segment: int
    offset: int


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """Where unacknowledged frames lie: `start` to `length` of a segment's file."""

    segment: int
    path: str = ""
    start: int = 0
    length: int = 0


class Carried(msgspec.Struct, frozen=True, array_like=True):
    """How much of a stretch Kafka has: so many entries, up to this offset of the file. None: it can't be read."""

    count: int
    end: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one segment in order, and the place behind the last of them."""

    entries: tuple[Entry, ...]
    end: Place

    @property
    def carried(self) -> Carried:
        """What is told of it when Kafka has it."""
        return Carried(len(self.entries), self.end.offset)


def segment_path(folder: Path, number: int) -> Path:
    """Return where a segment lies."""
    return folder / f"{number:020d}.segment"


def found_segments(folder: Path, acknowledged: Place) -> list[Segment]:
    """Return the segments that hold unacknowledged frames, oldest first; delete the others.

    Reads every frame once, so that torn tails are known: bytes behind `length` are never read.
    """
    segments = []
    for path in sorted(folder.glob("*.segment")):
        segment = _scanned(path, acknowledged)
        if segment.entries:
            segments.append(segment)
        else:
            path.unlink()
    return segments


def _scanned(path: Path, acknowledged: Place) -> Segment:
    number = int(path.stem)
    if number < acknowledged.segment:
        return Segment(number, path)
    start = acknowledged.offset if number == acknowledged.segment else 0
    data = path.read_bytes()
    ends = [end for _, end in payloads_in(data, start)]
    if torn := len(data) - (ends[-1] if ends else start):
        _LOG.warning("segment %d has a torn tail of %d bytes, never promised to anyone", number, torn)
    return Segment(number, path, length=ends[-1] if ends else start, entries=len(ends), start=start)


def batch_of(stretch: Stretch, max_entries: int) -> Batch:
    """Return the first entries of a stretch; none if the disk spoilt them."""
    with open(stretch.path, "rb") as file:
        file.seek(stretch.start)
        data = file.read(min(stretch.length - stretch.start, MAX_FRAME_BYTES))
    found = list(islice(payloads_in(data), max_entries))
    end = found[-1][1] if found else 0
    return Batch(tuple(entry_in(payload) for payload, _ in found), Place(stretch.segment, stretch.start + end))


def highest_number(folder: Path) -> int:
    """Return the largest segment number in the folder, 0 when there is none."""
    return max((int(path.stem) for path in folder.glob("*.segment")), default=0)


class PlaceFile:
    """Where the acknowledged place is kept: rewritten in place, with a checksum.

    A lost or torn file reads as the very beginning, which repeats events and loses none.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> Place:
        """Return the place last written."""
        data = os.pread(self._descriptor, _PLACE.size + _CHECKSUM.size, 0)
        body, checksum = data[: _PLACE.size], data[_PLACE.size :]
        if len(data) < _PLACE.size + _CHECKSUM.size or _CHECKSUM.unpack(checksum)[0] != zlib.crc32(body):
            return Place(0, 0)
        return Place(*_PLACE.unpack(body))

    def write(self, place: Place) -> None:
        """Replace the place. Survives the death of the process, like everything written."""
        body = _PLACE.pack(place.segment, place.offset)
        os.pwrite(self._descriptor, body + _CHECKSUM.pack(zlib.crc32(body)), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
