"""What a job has announced, kept beside it, so that a resumed job repeats itself word for word.

Ids of announcements are derived from job, state and step. Should a killed job reach the same point
again, the first announcement goes out again, time included: readers see one event.
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from schemas.codec import encode
from schemas.learning import AdapterTrained, TrainingChanged
from schemas.record import Record

Send = Callable[[Record], None]
_FILE = "announced.jsonl"


class _Entry(msgspec.Struct, frozen=True):
    type: str
    record: msgspec.Raw


class Journal:
    """The announcements of one job."""

    def __init__(self, folder: Path, send: Send) -> None:
        self._file = folder / _FILE
        self._send = send
        self._told = {record.event_id: record for record in self._read()}

    def tell(self, record: TrainingChanged | AdapterTrained) -> None:
        """Write an announcement down, then send it; one with a known id goes out as it was written."""
        known = self._told.get(record.event_id)
        if known is None:
            self._append(record)
            self._told[record.event_id] = record
        self._send(known or record)

    @property
    def trained(self) -> AdapterTrained | None:
        """The announcement of the finished adapter, once it is written."""
        return next((record for record in self._told.values() if isinstance(record, AdapterTrained)), None)

    @property
    def losses(self) -> dict[int, float]:
        """The announced losses by step."""
        changes = (record for record in self._told.values() if isinstance(record, TrainingChanged))
        return {change.step: change.loss for change in changes if change.loss is not None}

    def first(self, state: str) -> TrainingChanged | None:
        """Return the first announcement of a state."""
        changes = (record for record in self._told.values() if isinstance(record, TrainingChanged))
        return next((change for change in changes if change.state == state), None)

    def _append(self, record: Record) -> None:
        line = msgspec.json.encode(_Entry(type(record).__name__, msgspec.Raw(encode(record))))
        with self._file.open("ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> list[TrainingChanged | AdapterTrained]:
        lines = self._file.read_bytes().split(b"\n") if self._file.is_file() else []
        # A kill in mid-line leaves a last line without its end; it was never sent.
        whole, torn = lines[:-1], lines[-1] if lines else b""
        if torn:
            self._file.write_bytes(b"".join(line + b"\n" for line in whole))
        return [_record(line) for line in whole]


def _record(line: bytes) -> TrainingChanged | AdapterTrained:
    entry = msgspec.json.decode(line, type=_Entry)
    if entry.type == AdapterTrained.__name__:
        return msgspec.json.decode(entry.record, type=AdapterTrained)
    return msgspec.json.decode(entry.record, type=TrainingChanged)
