"""The tools and the form of the answer that a request declares, found where they stand in its bytes. Pure.

An agent sends the same tools with every call, so what was read of their bytes is remembered.
"""

import json
from functools import lru_cache

import msgspec

from schemas.declared import NOTHING_DECLARED, Declared, response_schema_of, together, tools_of
from services.gateway.wire.formats.members import Members

_NAMES = ("tools", "functions", "response_format", "text", "guided_json", "structured_outputs", "json_schema")
_TOOLS = frozenset(_NAMES[:2])
_LONGEST = 256 * 1024
_REMEMBERED = 64 * 1024


def declared_in(data: bytes, members: Members) -> Declared:
    """Return what the object in `data` declares; a member that is too large or unreadable is left out and counted."""
    if members.keys().isdisjoint(_NAMES):
        return NOTHING_DECLARED
    return together(_read(name, data[at.value : at.end]) for name in _NAMES if (at := members.get(name)) is not None)


def _read(name: str, value: bytes) -> Declared:
    if len(value) > _LONGEST:
        return Declared(left_out=1)
    return _remembered(name, value) if len(value) <= _REMEMBERED else _declared(name, value)


def _declared(name: str, value: bytes) -> Declared:
    try:
        tree = json.loads(value)
        msgspec.json.encode(tree)
    except (ValueError, TypeError, RecursionError):
        return Declared(left_out=1)
    return tools_of(tree) if name in _TOOLS else response_schema_of(name, tree)


_remembered = lru_cache(128)(_declared)
