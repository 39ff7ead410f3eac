"""Reads what stands of people's judgements out of the warehouse's view `judgements` (docs/feedback.md)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from schemas.feedback import Comparison, FeedbackGiven, Kind
from schemas.inference import Message

SAID = """
    groupArray((
        source, user_id, label, score, rating, correction, comparison, signal,
        arrayMap(one -> (one.1, one.2.1, one.2.3), standing)
    ))
"""
"""What all people said of a request; `judgements_in` reads it."""


def judgements_in(app: str, request_id: str, said: list[tuple[Any, ...]]) -> tuple[FeedbackGiven, ...]:
    """Return the judgements of a column SAID: an event with those kinds of it that stand."""
    return tuple(given for one in said for given in _of_person(app, request_id, one))


def _of_person(app: str, request_id: str, one: tuple[Any, ...]) -> Iterator[FeedbackGiven]:
    source, user_id, label, score, rating, correction, comparison, signal, standing = one
    values: dict[Kind, Any] = {
        "label": label,
        "score": score,
        "rating": rating,
        "correction": msgspec.json.decode(correction, type=Message | None),
        "comparison": msgspec.json.decode(comparison, type=Comparison | None),
        "signal": signal,
    }
    events: dict[tuple[str, datetime], dict[str, Any]] = {}
    for kind, occurred_at, event_id in standing:
        events.setdefault((event_id, occurred_at), {})[kind] = values[kind]
    for (event_id, occurred_at), kinds in events.items():
        yield FeedbackGiven(
            event_id=event_id,
            occurred_at=occurred_at,
            app=app,
            request_id=request_id,
            source=source,
            user_id=user_id,
            **kinds,
        )
