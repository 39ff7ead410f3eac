"""JSON of any dialect to plain values, and values of any type to the type that is wanted.

Nothing here raises for what a value is: what can't be taken is told by an empty value and noted as
a doubt, so that it can be counted.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LONE = re.compile("[\ud800-\udfff]")
_MOST = 2**53
_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)


class Doubts:
    """How often something was met that is not understood."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> None:
        """Count one."""
        self.count += 1


def decoded(decoder: msgspec.json.Decoder[_S], shape: type[_S], data: bytes) -> _S | None:
    """Return the object in `data` in a shape whose fields take anything; None when it is no JSON object.

    Lone surrogates become U+FFFD: they are legal JSON and no text.
    """
    try:
        return decoder.decode(data)
    except _UNREADABLE:
        tree = _loaded(data)
    if not isinstance(tree, dict):
        return None
    return shape(**{name: tree[name] for name in shape.__struct_fields__ if name in tree})


def is_json(data: bytes) -> bool:
    """Return whether `data` is JSON as lenient readers take it."""
    return _loaded(data) is not None


def _loaded(data: bytes) -> Any:
    try:
        return _mended(json.loads(data.decode()))
    except (ValueError, RecursionError):
        return None


def _mended(tree: Any) -> Any:
    if isinstance(tree, str):
        return _LONE.sub("\ufffd", tree)
    if isinstance(tree, dict):
        return {_LONE.sub("\ufffd", name): _mended(value) for name, value in tree.items()}
    return [_mended(value) for value in tree] if isinstance(tree, list) else tree


def mapping(value: object) -> dict[str, Any]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """Return an array, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return a text; a number or an object as its JSON; nothing for null."""
    if isinstance(value, str):
        return value
    return "" if value is None else json_text(value)


def json_text(value: object) -> str:
    """Return a decoded value as JSON text."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return ""


def name_of(value: object) -> str:
    """Return a short text, at most 256 characters."""
    return text_of(value)[:256]


def number_of(value: object) -> float | None:
    """Return a finite number, written as a number or as its text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def whole_of(value: object) -> int | None:
    """Return a whole number of at most 53 bits; None for anything else."""
    if type(value) is int:
        return value if -_MOST <= value <= _MOST else None
    number = number_of(value)
    return int(number) if number is not None and number == int(number) and abs(number) <= _MOST else None


def count_of(value: object) -> int:
    """Return a count: 0 for what is none."""
    if type(value) is int and 0 <= value <= _MOST:
        return value
    return max(0, whole_of(value) or 0)


def total(read: Callable[[], _T], otherwise: _T, doubts: Doubts) -> _T:
    """Return what reading comes to; `otherwise`, and a doubt, when it fails: a call outlives its record."""
    try:
        return read()
    except Exception:  # noqa: BLE001  # counted by whoever counts doubts
        doubts.note()
        return otherwise
