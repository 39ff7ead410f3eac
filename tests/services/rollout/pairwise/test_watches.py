"""Which answers make a pair."""

import pytest

from schemas.inference import InferenceResponded
from schemas.record import Variant
from schemas.rollout_policy import PairJudge
from schemas.scoring import Endpoint
from services.rollout.pairwise.watches import MOST_CHARACTERS, WAITING, Pairing, Watch
from tests.services.rollout.builders import APP, at
from tests.services.rollout.pairwise.answers import V1, V2, answered

ENDPOINT = Endpoint(form="judge", url="http://judge/v1", model="m", rubric="the kinder one")
WATCH = Watch(APP, "r", V2, V1, at(0), PairJudge(endpoint=ENDPOINT), 100)
STABLE, SHADOW = answered("q", Variant.STABLE, at(5)), answered("q", Variant.SHADOW, at(6))


@pytest.mark.parametrize("order", [(STABLE, SHADOW), (SHADOW, STABLE)])
def test_two_answers_to_one_request_meet_whichever_comes_first(order: tuple[InferenceResponded, ...]) -> None:
    pairing = Pairing()
    assert pairing.met(WATCH, order[0]) is None
    pair = pairing.met(WATCH, order[1])
    assert pair is not None
    assert (pair.candidate, pair.stable, pair.conversation) == ("kind", "rude", (("user", "hello"),))


@pytest.mark.parametrize(
    "other",
    [
        answered("another", Variant.SHADOW, at(6)),
        answered("q", Variant.SHADOW, at(6), version="v9"),
        answered("q", Variant.CANARY, at(6), version=V2),
        answered("q", Variant.SHADOW, at(6), error="timeout"),
        answered("q", Variant.SHADOW, at(-1)),
        answered("q", Variant.SHADOW, at(6), text="x" * (MOST_CHARACTERS + 1)),
    ],
)
def test_what_is_no_answer_of_the_shadow_in_this_step_makes_no_pair(other: InferenceResponded) -> None:
    pairing = Pairing()
    pairing.met(WATCH, STABLE)
    assert pairing.met(WATCH, other) is None


def test_an_answer_that_waits_too_long_is_forgotten() -> None:
    pairing = Pairing()
    pairing.met(WATCH, STABLE)
    for number in range(WAITING):
        pairing.met(WATCH, answered(f"q{number}", Variant.STABLE, at(5)))
    assert pairing.met(WATCH, SHADOW) is None


def test_a_sample_is_the_same_at_every_look_and_about_as_large_as_it_should_be() -> None:
    judge = PairJudge(endpoint=ENDPOINT, sample=0.25)
    watch = Watch(APP, "r", V2, V1, at(0), judge, 100)
    sampled = [watch.samples(f"q{number}") for number in range(4000)]
    assert sampled == [watch.samples(f"q{number}") for number in range(4000)]
    assert 900 < sum(sampled) < 1100
