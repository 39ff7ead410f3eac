"""Protobuf's wire format, as far as taking a message apart and putting it together again needs it. Pure.

https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_WIDTH = {_FIXED64: 8, _FIXED32: 4}
# Deeper than any attribute; the parser itself stops at 100 levels.
_DEEPEST = 90


class Malformed(ValueError):
    """The bytes are no message."""


class _Field(NamedTuple):
    """One field as it stands: `data` is what is delimited, `raw` all of it with its tag."""

    number: int
    kind: int
    data: bytes
    raw: bytes


def fields_in(data: bytes, number: int) -> Iterator[bytes]:
    """Yield the messages in a repeated field.

    Raises:
        Malformed: The bytes are no message.
    """
    return (field.data for field in _fields(data) if field.number == number and field.kind == _DELIMITED)


def texts_mended(data: bytes, descriptor: Any, depth: int = 0) -> bytes:
    """Return a message whose texts are all UTF-8: what is none of it becomes U+FFFD.

    Messages nested deeper than 90 levels are emptied.

    Args:
        descriptor: protobuf's descriptor of the message.

    Raises:
        Malformed: The bytes are no message.
    """
    return b"".join(_mended(field, descriptor, depth) for field in _fields(data))


def _mended(field: _Field, descriptor: Any, depth: int) -> bytes:
    known = descriptor.fields_by_number.get(field.number)
    if field.kind != _DELIMITED or known is None:
        return field.raw
    if known.type == known.TYPE_STRING:
        return delimited(field.number, field.data.decode(errors="replace").encode())
    if known.type != known.TYPE_MESSAGE:
        return field.raw
    within = texts_mended(field.data, known.message_type, depth + 1) if depth < _DEEPEST else b""
    return delimited(field.number, within)


def _fields(data: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(data):
        tag, value = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, end = _varint(data, value)
        elif kind == _DELIMITED:
            length, value = _varint(data, value)
            end = value + length
        elif kind in _WIDTH:
            end = value + _WIDTH[kind]
        else:
            raise Malformed(f"wire type {kind}")
        if number == 0 or end > len(data):
            raise Malformed("cut off" if number else "field 0")
        yield _Field(number, kind, data[value:end], data[at:end])
        at = end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an integer of seven bits a byte, the low ones first, and the place behind it."""
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise Malformed("an integer without an end")


def delimited(number: int, data: bytes) -> bytes:
    """Return a field of known length: a message, a text or bytes."""
    return as_varint(number << 3 | _DELIMITED) + as_varint(len(data)) + data


def as_varint(value: int) -> bytes:
    """Return an integer as `_varint` reads it."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
