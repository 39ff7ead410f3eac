"""The traffic beneath the story: answers, feedback, windows with replayed partials, scores and drift."""

import random
from collections.abc import Iterator
from datetime import datetime

from schemas.inference import InferenceResponded, Message, Usage
from schemas.observations import DriftMeasured, RecordedScore, ScoresRecorded, Sketch, WindowClosed
from schemas.record import Record, Variant
from schemas.sketches import Accumulator
from tests.dashboards.builders import V1, V2, V3, about, at

WINDOW_S = 5
ANSWERS_A_WINDOW = 40
END_S = 560
SHIFT_S = 240
# Share of right answers of each version before and after the shift.
RIGHT = {"": (0.52, 0.50), V1: (0.955, 0.605), V2: (0.93, 0.925), V3: (0.2, 0.19)}
LATENCY_MS = {"": 70.0, V1: 95.0, V2: 96.0, V3: 97.0}


def shares(second: float) -> dict[tuple[str, Variant], float]:
    """Return who answers which share of the traffic at a moment."""
    if second < 78:
        return {("", Variant.STABLE): 1.0}
    if second < 404:
        canary = 0.0 if second < 382 else 0.2 if second < 393 else 0.5
        shadow = 0.5 if 370 <= second < 382 else 0.0
        return _weights(V1, V2, canary, shadow)
    canary = 0.2 if 503 <= second < 515 else 0.0
    return _weights(V2, V3, canary, 0.5 if 492 <= second < 503 else 0.0)


def _weights(stable: str, candidate: str, canary: float, shadow: float) -> dict[tuple[str, Variant], float]:
    table = {(stable, Variant.STABLE): 1.0 - canary, (candidate, Variant.CANARY): canary}
    return {key: share for key, share in {**table, (candidate, Variant.SHADOW): shadow}.items() if share}


def traffic(begin: datetime) -> Iterator[Record]:
    """Return everything that was observed, window after window."""
    dice = random.Random(7)
    for second in range(0, END_S, WINDOW_S):
        for (version, variant), share in shares(second).items():
            yield from _windows(begin, second, version, variant, share, dice)
            if variant is not Variant.SHADOW:
                yield from _answers(begin, second, version, variant, dice)
        if second % 10 == 0 and second >= 80:
            yield from _drift(begin, second, dice)


def _windows(
    begin: datetime, second: int, version: str, variant: Variant, share: float, dice: random.Random
) -> Iterator[WindowClosed]:
    for partition in (0, 1):
        answers = round(ANSWERS_A_WINDOW * share / 2)
        errors = sum(dice.random() < 0.004 for _ in range(answers))
        times = Accumulator()
        for _ in range(answers):
            times.add(dice.lognormvariate(0, 0.25) * LATENCY_MS[version])
        counters: dict[str, float] = {
            "responses": answers,
            "errors": errors,
            "input_tokens": 48 * answers,
            "output_tokens": answers,
            "cost_usd": 2.5e-6 * answers,
        }
        place = ("inference.responded.v1", partition)
        yield _window(begin, second, (version, variant), place, counters, {"latency_ms": times.sketch()})
        judged = round(answers * 0.7)
        right = RIGHT[version][second >= SHIFT_S]
        correct = sum(dice.random() < right for _ in range(judged))
        feedback = {"feedback": float(judged), "feedback_correct": float(correct)}
        yield _window(begin, second, (version, variant), ("feedback.given.v1", partition), feedback, {})
        if second % 60 == 0:
            # What a replay leaves behind: a partial that begins later, which no reader may count.
            yield _window(begin, second, (version, variant), place, {"responses": 999.0}, {}, later=3)


def _window(
    begin: datetime,
    second: int,
    series: tuple[str, Variant],
    place: tuple[str, int],
    counters: dict[str, float],
    sketches: dict[str, Sketch],
    later: int = 0,
) -> WindowClosed:
    return WindowClosed(
        **about(begin, second + WINDOW_S, series[0], f"window {second} {series} {place} {later}"),
        variant=series[1],
        window_start=at(begin, second),
        window_end=at(begin, second + WINDOW_S),
        source_topic=place[0],
        source_partition=place[1],
        first_offset=second * 10 + later,
        last_offset=second * 10 + 40,
        counters=counters,
        sketches=sketches,
    )


def _answers(begin: datetime, second: int, version: str, variant: Variant, dice: random.Random) -> Iterator[Record]:
    for number in range(3):
        moment = second + number * 1.5
        request_id = f"chatcmpl-{second}-{variant}-{number}"
        yield InferenceResponded(
            **about(begin, moment, version, request_id),
            variant=variant,
            request_id=request_id,
            messages=(Message(role="user", content="a prompt"),),
            output=Message(role="assistant", content="safe"),
            usage=Usage(input_tokens=48, output_tokens=1),
            latency_ms=dice.lognormvariate(0, 0.25) * LATENCY_MS[version],
        )
        harmful = 0.05 if second < SHIFT_S else 0.42
        chances = {"prompt.injection": 0.3 if second < SHIFT_S else 0.08, "prompt.harm": harmful, "response.harm": 0.01}
        scores = [_score(name, unsafe=dice.random() < chance, dice=dice) for name, chance in chances.items()]
        scores.append(RecordedScore(name="prompt.pii", value=float(dice.random() < 0.04), scorer="pii@1"))
        if number == 0:
            scores.append(RecordedScore(name="response.pii", unjudged="no answer", scorer="pii@1"))
        yield ScoresRecorded(
            **about(begin, moment, version, f"{request_id} scores"),
            variant=variant,
            request_id=request_id,
            scores=tuple(scores),
        )


def _score(name: str, *, unsafe: bool, dice: random.Random) -> RecordedScore:
    value = dice.uniform(0.6, 1.0) if unsafe else dice.uniform(0.0, 0.4)
    return RecordedScore(name=name, value=value, label="unsafe" if unsafe else "safe", scorer="head@1")


def _drift(begin: datetime, second: int, dice: random.Random) -> Iterator[DriftMeasured]:
    version = V1 if second < 404 else V2
    shifted = version == V1 and second >= SHIFT_S
    for metric, high in (("prompt.distance", 1.05), ("prompt.harm", 0.8), ("prompt.injection", 0.32)):
        value = dice.uniform(0.85, 1.1) * high if shifted else dice.uniform(0.03, 0.18)
        yield _measured(begin, second, version, metric, ("PopulationStability", value, 0.5))
    yield _measured(begin, second, version, "prompt.distance", ("Adwin", float(second == 250), 0.5))
    walk = (second - SHIFT_S) * 1.1 if shifted else dice.uniform(0, 6)
    yield _measured(begin, second, version, "feedback", ("PageHinkley", min(walk, 90.0), 50.0))


def _measured(
    begin: datetime, second: int, version: str, metric: str, found: tuple[str, float, float]
) -> DriftMeasured:
    method, value, threshold = found
    return DriftMeasured(
        **about(begin, second + 10, version, f"drift {second} {metric} {method}"),
        metric=metric,
        method=method,  # type: ignore[arg-type]  # a literal at every caller
        value=value,
        threshold=threshold,
        drifted=value > threshold,
        count=80,
        window_start=at(begin, second),
        window_end=at(begin, second + 10),
        reference=version if method == "PopulationStability" else "",
    )
