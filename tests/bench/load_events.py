"""The traffic of tests.bench.faults and tests.bench.latency, event by event. Pure; sent by tests.bench.load.

Event `number` of a kind is the same for the same seed and beginning, and its id tells its number, so that
what was sent needs no list. Quality swings: a phase of good answers, a phase of bad ones, so that monitors
fire and resolve. Some events are late, some come twice, some feedback comes before its answer or long after.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.codec import from_unix_ms
from schemas.feedback import FeedbackGiven
from schemas.ids import time_ordered_id
from schemas.inference import InferenceResponded, Message, Usage
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.record import Record, Variant

PHASE_MS = 20_000
KINDS = ("responses", "feedback", "scores")
SCORES_A_MESSAGE = 2
EVENTS_PER_REQUEST = 1.36  # on average: feedback, scores, shadows and repetitions come with them
_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "nobody", "looks", "twice")
_APP, _MODEL = "guard", "tiny"
_PEOPLE = ("", "ann", "bob")  # who judges a request: one person, who may do so again


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides the traffic.

    Attributes:
        begin_ms: When it begins, Unix milliseconds, the start of a window.
        rate: Responses a second; feedback, scores and shadows come on top.
        seconds: How long; the last one and a half phases are good.
        phase_ms: How long answers are good, and then bad; a multiple of the windows' length.
    """

    seed: int
    begin_ms: int
    rate: int
    seconds: int
    phase_ms: int = PHASE_MS

    def bad(self, at_ms: int) -> bool:
        """Return whether answers and judgements of a moment are bad ones."""
        passed = max(0, at_ms - self.begin_ms)
        return passed // self.phase_ms % 2 == 1 and passed < 1000 * self.seconds - self.phase_ms * 3 // 2


def number_of(event_id: str) -> int:
    """Return the number of an event within its kind."""
    return int(event_id[-12:], 16)


class Traffic:
    """Makes events in the order in which they occur.

    Attributes:
        made: How many distinct events of each kind so far.
        requests: How many requests so far.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.made = dict.fromkeys(KINDS, 0)
        self.requests = 0
        self._rng = random.Random(shape.seed)
        self._prompts = [(Message(role="user", content=" ".join(self._rng.choices(_WORDS, k=110))),) for _ in range(64)]

    def next_request(self) -> Iterator[Record]:
        """Yield the events around the next request; one that is sent twice comes twice."""
        number, rng = self.requests, self._rng
        self.requests += 1
        now = self.shape.begin_ms + 1000 * number // self.shape.rate
        if rng.random() < 0.1:
            yield self._feedback(now)
        version, variant = ("v1", Variant.STABLE) if rng.random() < 0.7 else ("v2", Variant.CANARY)
        answer = self._response(number, now, version=version, variant=variant)
        yield answer
        if rng.random() < 0.01:
            yield answer
        if rng.random() < 0.05:
            yield self._response(number, now, version="v3", variant=Variant.SHADOW)
        if rng.random() < 0.2:
            yield self._scores(answer)

    def _id(self, kind: str, at_ms: int) -> str:
        number = self.made[kind]
        self.made[kind] += 1
        return time_ordered_id(at_ms, self.shape.seed.to_bytes(4, "big") + number.to_bytes(6, "big"))

    def _response(self, number: int, now: int, *, version: str, variant: Variant) -> InferenceResponded:
        rng = self._rng
        at = now - (5_000 if rng.random() < 0.01 else rng.choice((0, 0, 0, 300, 1_200)))
        bad = self.shape.bad(at)
        failed = rng.random() < (0.4 if bad else 0.02)
        return InferenceResponded(
            event_id=self._id("responses", at),
            occurred_at=from_unix_ms(at),
            app=_APP,
            model=_MODEL,
            adapter_version=version,
            variant=variant,
            request_id=f"r{number}",
            messages=self._prompts[number % len(self._prompts)],
            output=Message(role="assistant", content=_answer(number)),
            finish_reason="stop",
            usage=Usage(input_tokens=rng.randrange(20, 300), output_tokens=rng.randrange(1, 80)),
            latency_ms=rng.expovariate(0.002 if bad else 0.02),
            ttft_ms=rng.expovariate(0.1) if number % 2 else None,
            cost_usd=rng.randrange(1, 100) / 1e6,
            error_type="timeout" if failed else "",
        )

    def _feedback(self, now: int) -> FeedbackGiven:
        """Judge an answer of the last half minute, or, seldom, one that is to come or forgotten."""
        rng, at = self._rng, now - self._rng.choice((0, 0, 500))
        chance = rng.random()
        back = rng.randrange(1, 30 * self.shape.rate)
        if chance < 0.03:
            back = -rng.randrange(1, self.shape.rate)
        elif chance < 0.05:
            back = 180 * self.shape.rate
        number = max(0, self.requests - back)
        right = rng.random() < (0.4 if self.shape.bad(at) else 0.95)
        by_label = rng.random() < 0.7
        return FeedbackGiven(
            event_id=self._id("feedback", at),
            occurred_at=from_unix_ms(at),
            app=_APP,
            model=_MODEL,
            request_id=f"r{number}",
            label=_label(number, right=right) if by_label else None,
            score=None if by_label else (0.9 if right else 0.1),
            user_id=_PEOPLE[number % len(_PEOPLE)],
        )

    def _scores(self, answer: InferenceResponded) -> ScoresRecorded:
        at = round(answer.occurred_at.timestamp() * 1000)
        bad = self.shape.bad(at)
        value = min(1.0, max(0.0, self._rng.gauss(0.6 if bad else 0.3, 0.1)))
        unsafe = self._rng.random() < (0.6 if bad else 0.05)
        event_id = self._id("scores", at)
        return ScoresRecorded(
            event_id=event_id,
            occurred_at=answer.occurred_at,
            app=_APP,
            model=_MODEL,
            adapter_version=answer.adapter_version,
            variant=answer.variant,
            request_id=event_id,  # what a row has of its message: by this its number is known
            scores=(
                RecordedScore(name="prompt.distance", value=value, scorer="bench@1"),
                RecordedScore(
                    name="prompt.injection", value=value, label="unsafe" if unsafe else "safe", scorer="bench@1"
                ),
            ),
        )


def _answer(number: int) -> str:
    return "Unsafe." if number % 3 == 0 else "safe"


def _label(number: int, *, right: bool) -> str:
    return "unsafe" if (number % 3 == 0) == right else "safe"
