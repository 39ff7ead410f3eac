"""The members of a JSON object where they stand in its bytes, and edits that leave every other byte alone.

Objects that a strict decoder takes are located at its speed; what it refuses and others accept (lone
surrogates, NaN, names that stand twice) is located by its strings, brackets and commas alone.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec
from msgspec import Raw

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_OPENING = re.compile(rb"\s*\{")
_CLOSING = re.compile(rb"\s*\}\s*$")
_KEY = re.compile(rb'[\s,]*("(?:[^"\\]++|\\.)*+")\s*:\s*', re.DOTALL)
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_DEEPER = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


class Member(NamedTuple):
    """Where a member stands: its name begins at `start`, its value is `data[value:end]`."""

    start: int
    value: int
    end: int


class Cut(NamedTuple):
    """Bytes to be put in the place of `data[start:end]`."""

    start: int
    end: int
    new: bytes


Members = Mapping[str, Member]


def members_of(data: bytes) -> Members:
    """Return the members of the object in `data` by name, in order; of a repeated name the last.

    Empty when `data` is no object.
    """
    try:
        fields = _FIELDS.decode(data)
    except _UNREADABLE:
        return _scanned(data)
    at = data.index(b"{") + 1
    found: dict[str, Member] = {}
    match = _KEY.match
    for name, value in fields.items():
        key = match(data, at)
        if key is None or key[1] != _quoted(name):
            return _scanned(data)
        start, behind = key.start(1), key.end()
        at = behind + len(value)
        found[name] = Member(start, behind, at)
    return found if _CLOSING.match(data, at) else _scanned(data)


def spliced(data: bytes, cuts: Iterable[Cut]) -> bytes:
    """Return `data` with cuts that do not overlap applied."""
    pieces, at = [], 0
    for cut in sorted(cuts):
        pieces += [data[at : cut.start], cut.new]
        at = cut.end
    return b"".join((*pieces, data[at:]))


def removal(data: bytes, member: Member) -> Cut:
    """Return the cut that takes a member out, its comma too."""
    behind = re.compile(rb"\s*,\s*").match(data, member.end)
    if behind:
        return Cut(member.start, behind.end(), b"")
    before = len(data[: member.start].rstrip())
    return Cut(before - 1 if data[before - 1 : before] == b"," else before, member.end, b"")


def addition(data: bytes, name: str, value: bytes) -> Cut:
    """Return the cut that puts a member in front of all others of the object in `data`."""
    opening = _OPENING.match(data)
    at = opening.end() if opening else 0
    comma = b"" if _CLOSING.match(data, at) else b","
    return Cut(at, at, b'"%s":%s%s' % (name.encode(), value, comma))


@lru_cache(512)
def _quoted(name: str) -> bytes:
    return b'"%s"' % name.encode()


def _scanned(data: bytes) -> Members:
    opening = _OPENING.match(data)
    if opening is None:
        return {}
    found: dict[str, Member] = {}
    depth, at = 0, opening.end()
    for token in _TOKEN.finditer(data):
        depth += _DEEPER.get(token.group(), 0)
        if depth == 0 or (depth == 1 and token.group() == b","):
            found.update(_member(data, at, token.start()))
            at = token.end()
        if depth == 0:
            return found
    return {}


def _member(data: bytes, start: int, end: int) -> dict[str, Member]:
    key = _KEY.match(data, start, end)
    if key is None:
        return {}
    try:
        name = str(json.loads(key[1]))
    except ValueError:
        return {}
    return {name: Member(key.start(1), key.end(), key.start(1) + len(data[key.start(1) : end].rstrip()))}
