"""Reading attributes of which nobody knows the type: total functions, None where there is nothing. Pure."""

import math
from collections.abc import Iterable, Mapping

import msgspec

from services.collector.mending import closed, mended, shorter
from services.collector.otlp.spans import Attribute

Attributes = Mapping[str, Attribute]
NAME_LENGTH = 256
# Whole numbers up to here survive the doubles that other readers of JSON keep them in.
_MOST = 2**53
_UNREADABLE = (msgspec.DecodeError, RecursionError)


def first(attributes: Attributes, names: Iterable[str]) -> Attribute:
    """Return the first of several names that has a value; empty texts are none."""
    return next((value for name in names if (value := attributes.get(name)) not in (None, "")), None)


def text(attributes: Attributes, names: Iterable[str]) -> str:
    """Return the first of several names as text; empty when there is none."""
    value = first(attributes, names)
    return "" if value is None else str(value)


def number(value: object) -> float | None:
    """Return a finite number, also one that is told as text; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: object) -> int | None:
    """Return a whole number that a double can keep, cut off at the point; None where there is none."""
    found = number(value)
    if found is None or abs(found) > _MOST:
        return None
    return value if isinstance(value, int) else int(found)


def decoded(value: str) -> tuple[object, bool]:
    """Return the JSON in a text and whether it is whole; what a limit on attributes cut off is missing from it.

    Returns:
        None and False for a text that is no JSON, not even the start of some.
    """
    mended_text = mended(value.encode()).decode()
    attempts = ((value, True), (mended_text, True), (closed(mended_text), False), (closed(shorter(mended_text)), False))
    for attempt, intact in attempts:
        try:
            return msgspec.json.decode(attempt), intact
        except _UNREADABLE:
            continue
    return None, False


def as_text(value: object) -> str:
    """Return a value as it should be read: texts as they are, all else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()
