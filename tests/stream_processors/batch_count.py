"""What functional windows are compared with: random traffic, and a batch count over the log it left.

The batch count uses none of the product's window code.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from operator import itemgetter

import pytest

from schemas.codec import to_unix_ms
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceResponded
from schemas.observations import WindowClosed
from schemas.record import series_of
from schemas.settings import Settings
from schemas.sketches import quantile
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_RESPONDED, METRICS_WINDOW_CLOSED
from services.clients.bus.producer import Producer
from tests.fixtures.waiting import until
from tests.stream_processors.builders import feedback, now_ms, responded
from tests.stream_processors.workers import everything, records

LENGTH, LATENESS = 1000, 1000
CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
windows: {length: 1s, lateness: 1s, join_horizon: 1m}
"""

Cut = tuple[str, str, int, str, int]


def send_one(producer: Producer, number: int, rng: random.Random) -> None:
    """Send a response, perhaps its shadow, perhaps feedback before it or long after; some of it late, some twice."""
    at = now_ms() - rng.choice([0, 0, 0, 300, 1500])
    answer = responded(number, at=at, answer=rng.choice(["safe", "Unsafe."]), latency=rng.expovariate(0.02))
    early, late = rng.random() < 0.1, rng.random() < 0.5
    if early:
        producer.send(feedback(number, at=now_ms()))
    producer.send(answer)
    if rng.random() < 0.05:
        producer.send(answer)
    if rng.random() < 0.3:
        producer.send(responded(number, at=at, version="v2", variant="shadow"))
    if late and not early and number > 200:
        user = rng.choice(["", "ann"])
        label, score = (None, 0.7) if rng.random() < 0.3 else ("unsafe", None)
        producer.send(feedback(number - 200, at=now_ms(), label=label, score=score, nth=2, user=user))
        if rng.random() < 0.3:
            producer.send(
                feedback(number - 200, at=now_ms(), label=None, score=rng.choice([0.1, 0.9]), nth=3, user=user)
            )


def batch_count(settings: Settings) -> tuple[dict[Cut, Counter[str]], dict[Cut, list[float]]]:
    """Return counters and latencies by cut, computed over the raw log without any of the product's code."""
    counters: dict[Cut, Counter[str]] = defaultdict(Counter)
    latencies: dict[Cut, list[float]] = defaultdict(list)
    answers: dict[str, dict[str, tuple[InferenceResponded, int]]] = defaultdict(dict)
    seen = set()
    for delivery in everything(settings, INFERENCE_RESPONDED):
        record, logged = delivery.record, to_unix_ms(delivery.logged_at)
        assert isinstance(record, InferenceResponded)
        answers[record.request_id].setdefault(record.event_id, (record, logged))
        start, late = placed(to_unix_ms(record.occurred_at), logged)
        cut = (record.adapter_version, str(record.variant), start, "responded", delivery.source.partition)
        if (record.event_id, cut) in seen:
            continue
        seen.add((record.event_id, cut))
        if late:
            counters[cut]["late"] += 1
        else:
            counters[cut]["responses"] += 1
            latencies[cut].append(record.latency_ms)
    said: dict[tuple[Cut, str, str], tuple[int, int, bool]] = {}
    for delivery in everything(settings, FEEDBACK_GIVEN):
        given, logged = delivery.record, to_unix_ms(delivery.logged_at)
        assert isinstance(given, FeedbackGiven)
        occurred = to_unix_ms(given.occurred_at)
        start, late = placed(occurred, logged)
        for answer, answered in answers[given.request_id].values():
            if (given.label is None and answer.variant == "shadow") or answered > start + LENGTH + LATENESS:
                continue
            cut = (answer.adapter_version, str(answer.variant), start, "feedback", delivery.source.partition)
            if late:
                counters[cut]["late"] += 1
                continue
            right = answer.answer.lower().strip(".") == given.label if given.label else (given.score or 0) >= 0.5
            mine = (cut, answer.event_id, given.user_id)
            said[mine] = max((occurred, delivery.offset, right), said.get(mine, (0, -1, False)), key=itemgetter(0, 1))
    for (cut, _, _), (_, _, right) in said.items():
        counters[cut] += Counter(feedback=1, feedback_correct=int(right))
    return counters, latencies


def placed(occurred: int, logged: int) -> tuple[int, bool]:
    """Return a record's window, and whether it counts there as late."""
    late = logged - occurred > LATENESS
    instant = logged if late else occurred
    return instant // LENGTH * LENGTH, late


def streamed(settings: Settings) -> dict[Cut, WindowClosed]:
    """Return the partials that a reader keeps."""
    kept: dict[Cut, WindowClosed] = {}
    for record in records(settings, METRICS_WINDOW_CLOSED):
        assert isinstance(record, WindowClosed)
        series, source = (
            series_of(record),
            record.source_topic.split(".")[1 if "responded" in record.source_topic else 0],
        )
        cut = (series.adapter_version, series.variant, to_unix_ms(record.window_start), source, record.source_partition)
        known = kept.get(cut)
        if known is None or (-record.first_offset, record.last_offset) > (-known.first_offset, known.last_offset):
            kept[cut] = record
    return kept


def assert_windows_equal_a_batch_count(settings: Settings) -> None:
    """Compare all counters of all windows, the quantiles within the sketches' relative error, and the series beside."""
    counters, latencies = batch_count(settings)
    wanted = {cut: dict(+counted) for cut, counted in counters.items()}
    until(lambda: differing(streamed(settings), wanted), lambda found: not found, every_s=0.5)
    windows = streamed(settings)
    assert differing(windows, wanted) == {}
    assert sum(counted["late"] for counted in counters.values()) > 0
    assert sum(counted["feedback"] for counted in counters.values()) > 500
    series = Counter(cut[2:] for cut in counters)
    assert {cut: partial.series_count for cut, partial in windows.items()} == {cut: series[cut[2:]] for cut in counters}
    for cut, values in latencies.items():
        exact = sorted(values)[int(0.95 * (len(values) - 1))]
        assert quantile(windows[cut].sketches["latency_ms"], 0.95) == pytest.approx(exact, rel=0.0101)


def differing(windows: Mapping[Cut, WindowClosed], wanted: Mapping[Cut, object]) -> dict[Cut, tuple[object, object]]:
    """Return what a reader keeps and what was counted, where they are not the same; a window may be read again."""
    found = {cut: without_zeros(partial) for cut, partial in windows.items()}
    cuts = found.keys() | wanted.keys()
    return {cut: (found.get(cut), wanted.get(cut)) for cut in cuts if found.get(cut) != wanted.get(cut)}


def without_zeros(partial: WindowClosed) -> dict[str, float]:
    """Return the counters that the batch count has too."""
    names = ("responses", "feedback", "feedback_correct")
    counted = {name: int(partial.counters.get(name, 0)) for name in names} | {"late": partial.late}
    return {name: value for name, value in counted.items() if value}
