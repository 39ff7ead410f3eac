"""The state of detectors as records and back: drift.detectors-saved.v1, written and read by drift."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Literal

import msgspec

from schemas.configuration import Configuration
from schemas.ids import derived_id
from schemas.observations import DetectorsSaved
from stream_processors.detectors.saved_state import SavedLane
from stream_processors.frame.delivery import Source

FORMAT = 2
WATCHES_A_PART = 100
"""At most 7 kB each, and a message may have a megabyte."""

Slot = Literal[0, 1]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the detectors of a partition knew before its message at `offset`; the rest as DetectorsSaved tells."""

    source: Source
    topic_id: str
    offset: int
    floor: int
    slot: Slot
    lanes: tuple[SavedLane, ...]


def made_with(configuration: Configuration) -> str:
    """Return what must be the same for a saved state to mean the same."""
    drift, lateness = configuration.drift, configuration.windows.lateness
    settings = (drift.window, lateness, str(drift.adwin_delta), str(drift.page_hinkley))
    return derived_id("detectors", FORMAT, version("river"), *settings)


def to_records(checkpoint: Checkpoint, *, made_with: str, at: datetime) -> list[DetectorsSaved]:
    """Return the parts of a checkpoint: a piece of a metric's state each, none where nothing is known."""
    source, pieces = checkpoint.source, [piece for lane in checkpoint.lanes for piece in _pieces(lane)]
    return [
        DetectorsSaved(
            event_id=derived_id("detectors", *source, checkpoint.topic_id, checkpoint.offset, made_with, part),
            occurred_at=at,
            app="*",
            source_topic=source.topic,
            source_topic_id=checkpoint.topic_id,
            source_partition=source.partition,
            offset=checkpoint.offset,
            floor=checkpoint.floor,
            slot=checkpoint.slot,
            part=part,
            parts=len(pieces),
            made_with=made_with,
            state=msgspec.msgpack.encode(piece),
        )
        for part, piece in enumerate(pieces)
    ]


def latest(
    records: Iterable[DetectorsSaved], *, made_with: str, topic_ids: Mapping[str, str]
) -> dict[Source, Checkpoint]:
    """Return the furthest complete state of each partition, of those that can be taken up.

    Not the last written: a process that was stopped for a while may write after its successor. Both
    follow from the same log, so any complete state is a true one.
    """
    found: dict[Source, dict[int, dict[int, DetectorsSaved]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if record.made_with == made_with and topic_ids.get(record.source_topic) == record.source_topic_id:
            found[Source(record.source_topic, record.source_partition)][record.offset][record.part] = record
    checkpoints = {}
    for source, by_offset in found.items():
        complete = [offset for offset, parts in by_offset.items() if len(parts) == parts[min(parts)].parts]
        if complete:
            checkpoints[source] = _joined(source, by_offset[max(complete)])
    return checkpoints


def _joined(source: Source, parts: Mapping[int, DetectorsSaved]) -> Checkpoint:
    lanes: dict[str, SavedLane] = {}
    for number in sorted(parts):
        piece = msgspec.msgpack.decode(parts[number].state, type=SavedLane)
        before = lanes[piece.metric].watches if piece.metric in lanes else ()
        lanes[piece.metric] = msgspec.structs.replace(piece, watches=(*before, *piece.watches))
    return Checkpoint(
        source=source,
        topic_id=parts[0].source_topic_id,
        offset=parts[0].offset,
        floor=min(part.floor for part in parts.values()),
        slot=parts[0].slot,
        lanes=tuple(lanes.values()),
    )


def _pieces(lane: SavedLane) -> list[SavedLane]:
    """Return the same lane in pieces that fit a message, in order."""
    cuts = range(0, len(lane.watches), WATCHES_A_PART)
    return [msgspec.structs.replace(lane, watches=lane.watches[cut : cut + WATCHES_A_PART]) for cut in cuts] or [lane]
