"""What the spool holds: messages ready for Kafka, framed so that a torn tail is seen. Pure."""

import struct
import zlib
from collections.abc import Iterator

import msgspec

from schemas.codec import encode, headers_of
from schemas.record import Record
from schemas.topics import key_of, topic_of

MAX_ENTRY_BYTES = 4 * 1024 * 1024
_HEAD = struct.Struct("<II")
MAX_FRAME_BYTES = _HEAD.size + MAX_ENTRY_BYTES


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One Kafka message: what the producer needs, and nothing decoded."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Entry)


def entry_of(record: Record) -> Entry:
    """Return the message of a record, keyed and with its CloudEvents headers."""
    return Entry(topic_of(record).name, key_of(record), encode(record), tuple(headers_of(record)))


def frame(entry: Entry) -> bytes:
    """Return length, CRC-32 and MessagePack of an entry; integers are little-endian, 4 bytes each.

    Raises:
        ValueError: Larger than MAX_ENTRY_BYTES.
    """
    payload = _ENCODER.encode(entry)
    if len(payload) > MAX_ENTRY_BYTES:
        raise ValueError(f"entry of {len(payload)} bytes, at most {MAX_ENTRY_BYTES}")
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def payloads_in(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """Yield each whole payload from `start` with the offset behind its frame.

    Ends at the first frame that is cut off, empty (a crashed file system leaves zeros, and zeros have
    a valid checksum) or fails its checksum: what a dying process was writing was promised to nobody.
    """
    at = start
    while at + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        if not 0 < length <= MAX_ENTRY_BYTES or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        at += _HEAD.size + length
        yield payload, at


def entry_in(payload: bytes) -> Entry:
    """Return the entry of a payload that passed its checksum."""
    return _DECODER.decode(payload)
