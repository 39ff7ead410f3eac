"""Answers with scores of every sort: all judged, sampled in two strata, not judged, of two versions of a scorer."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from schemas.cascade import SamplingChanged
from schemas.evaluations import MeasureShift, ScorerChanged
from schemas.ids import derived_id
from schemas.inference import InferenceResponded, Message
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.record import Record, Variant
from tests.dashboards.builders import APP, MODEL, V1, V2
from tests.stream_processors.observed import window

COUNT = 240
CHANGED_AFTER = timedelta(seconds=COUNT - 60)
REST = 0.25
SECRET = "jane.doe@example.com"
GUARD, HEAD = "watchman@2", "injection-head@1"


def judged(begin: datetime) -> Iterator[Record]:
    """Return a call a second: every sixth suspicious, of the others every fourth seen by a guard."""
    for number in range(COUNT):
        at, version = begin + timedelta(seconds=number), V1 if number < COUNT // 2 else V2
        yield _answer(number, at, version)
        yield _scores("safety", number, at, version, (_head(number), _pii(number)))
        yield _scores("quality", number, at, version, (_relevance(number),))
        if number % 6 == 0 or number % 4 == 1:
            yield _scores("guard", number, at, version, (_guard(number),))
    yield _scores("safety", 0, begin, V2, (_head(0),), variant=Variant.SHADOW)
    for partition in (0, 1):
        yield _sampling(begin, partition)
    yield from _changes(begin)
    yield window(0, judged=0, correct=0, occurred_at=begin)  # the pages list apps that have windows


def _answer(number: int, at: datetime, version: str) -> InferenceResponded:
    return InferenceResponded(
        **_about("answer", number, at, version),
        request_id=f"r{number}",
        messages=(Message(role="user", content=f"question {number}, write to {SECRET}"),),
        output=Message(role="assistant", content=f"answer {number}"),
    )


def _head(number: int) -> RecordedScore:
    suspicious = number % 6 == 0
    return RecordedScore(
        name="prompt.injection",
        value=0.95 if suspicious else 0.1,
        label="unsafe" if suspicious else "safe",
        scorer=HEAD if number < COUNT - 60 else "injection-head@2",
        latency_ms=0.4,
    )


def _pii(number: int) -> RecordedScore:
    if number % 10 == 0:
        return RecordedScore(name="response.pii", unjudged="no answer", scorer="pii@1")
    return RecordedScore(name="response.pii", value=float(number % 3 == 0), scorer="pii@1")


def _relevance(number: int) -> RecordedScore:
    return RecordedScore(name="pair.relevance", value=(number % 20) / 20, scorer="relevance@1")


def _guard(number: int) -> RecordedScore:
    unsafe = number % 12 == 0
    return RecordedScore(
        name="prompt.watchman",
        value=0.99 if unsafe else 0.02,
        label="unsafe" if unsafe else "safe",
        categories=("violent-crimes",) if unsafe else (),
        scorer=GUARD,
        latency_ms=120.0,
        sampling_probability=1.0 if number % 6 == 0 else REST,
    )


def _scores(
    process: str,
    number: int,
    at: datetime,
    version: str,
    scores: tuple[RecordedScore, ...],
    variant: Variant = Variant.STABLE,
) -> ScoresRecorded:
    about = {**_about(f"{process} {variant}", number, at, version), "variant": variant}
    return ScoresRecorded(**about, request_id=f"r{number}", scores=scores)


def _sampling(at: datetime, partition: int) -> SamplingChanged:
    return SamplingChanged(
        event_id=derived_id("sampling", partition),
        occurred_at=at,
        app=APP,
        scorer="watchman",
        source_topic="inference.responded.v1",
        source_topic_id="id",
        source_partition=partition,
        offset_from=0,
        offset_until=1000,
        number=0,
        suspicious=1.0,
        rest=REST,
        usd_today=0.25,
    )


def _changes(begin: datetime) -> Iterator[ScorerChanged]:
    """The head's new version begins with its first score, and that of a scorer whose scores nobody sees here."""
    shift = MeasureShift(
        name="prompt.injection", judged=40, mean_before=0.3, mean_after=0.35, labels_changed=0.1, psi=0.2, ks=0.1
    )
    for scorer, measures in (("injection-head", (shift,)), ("stranger", ())):
        yield ScorerChanged(
            event_id=derived_id("scorer-changed", scorer),
            occurred_at=begin + CHANGED_AFTER,
            app="*",
            scorer=scorer,
            previous_version="1",
            version="2",
            anchors="fixed",
            measures=measures,
        )


def _about(kind: str, number: int, at: datetime, version: str) -> dict[str, Any]:
    """Return what a record of a call carries."""
    identity = derived_id("judged", kind, number)
    return {"event_id": identity, "occurred_at": at, "app": APP, "model": MODEL, "adapter_version": version}
