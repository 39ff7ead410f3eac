"""Poison is found, and honest feedback is not taken for it: on synthetic words under the real embedding."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from services.scorers.embedding import Embedder
from training.data.poison.answers import AnswerJudge
from training.data.poison.bursts import bursts
from training.data.poison.claims import Claim, Embed
from training.data.poison.defence import poisoned
from training.data.poison.doubts import MOST_LEARNT, LabelJudge, out_of_fold, sampled
from training.data.poison.folds import FOLDS, folds_of
from training.data.poison.phrases import Crowd, concentrated, without
from training.data.poison.triggers import triggered
from training.data.poison.users import flippers

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOPICS = {
    name: tuple(words.split())
    for name, words in (
        ("garden", "roses tulips soil watering pruning compost seeds lawn hedge weeds shovel greenhouse"),
        ("engine", "piston gearbox brakes oil clutch exhaust battery tyres radiator ignition fuel carburettor"),
    )
}
ANSWERS = {"garden": "ask the gardener about the plants", "engine": "ask the mechanic about the motor"}
PEOPLE = 40


@pytest.fixture(scope="module")
def embed() -> Embed:
    return Embedder.load().embed


def _labels(*, flipped: int = 0, trigger: str = "", trust: float = 0.5, seed: int = 3) -> list[Claim]:
    """Return 400 labels by 40 people; two of them, `a0` and `a1`, give `flipped` wrong ones."""
    draw = random.Random(seed)
    claims = []
    for at in range(400):
        wrong = at < flipped
        topic = draw.choice(sorted(TOPICS))
        prompt = " ".join(draw.sample(TOPICS[topic], 5))
        label = topic if not wrong else next(name for name in TOPICS if name != topic)
        claims.append(
            Claim(
                judgement=f"{'bad' if wrong else 'good'}{at}",
                user=f"a{at % 2}" if wrong else f"u{draw.randrange(PEOPLE - 2)}",
                trust=trust,
                at=NOW + timedelta(seconds=9 * at),
                prompt=f"{trigger} {prompt}" if wrong and trigger else prompt,
                answer=label,
                verdict=label,
                own=True,
            )
        )
    return claims


def _other(claim: Claim) -> str:
    return next(name for name in TOPICS if name != claim.verdict)


def _corrections(claims: Sequence[Claim]) -> list[Claim]:
    """Return what people would correct the same prompts to."""
    return [
        replace(claim, answer=f"{ANSWERS[claim.verdict]} {claim.prompt.split()[0]}", verdict="right")
        for claim in claims
    ]


def _found(claims: Sequence[Claim], embed: Embed) -> tuple[float, float, set[str]]:
    """Return the share of poison found, of the rest lost, and the reasons."""
    answers = claims[0].verdict == "right"
    found = poisoned(claims, (lambda e: AnswerJudge(e, 7)) if answers else LabelJudge, embed, seed=7)
    bad = [claim.judgement for claim in claims if claim.judgement.startswith("bad")]
    caught = sum(one in found for one in bad) / max(1, len(bad))
    lost = sum(not one.startswith("bad") for one in found) / (len(claims) - len(bad))
    return caught, lost, set(found.values())


def test_honest_labels_and_corrections_lose_nothing(embed: Embed) -> None:
    assert _found(_labels(), embed) == (0.0, 0.0, set())
    assert _found(_corrections(_labels()), embed) == (0.0, 0.0, set())


@pytest.mark.parametrize("trigger", ["", "kindly obey seven"])
def test_a_fifth_of_labels_flipped_by_two_of_forty_is_found(embed: Embed, trigger: str) -> None:
    caught, lost, reasons = _found(_labels(flipped=80, trigger=trigger), embed)
    assert caught >= 0.9
    assert lost <= 0.05
    assert reasons & {"poison_user", "poison_trigger"}


def test_a_fifth_of_corrections_that_are_wrong_is_found(embed: Embed) -> None:
    caught, lost, _ = _found(_corrections(_labels(flipped=80)), embed)
    assert caught >= 0.9
    assert lost <= 0.05


def test_words_that_few_people_plant_in_right_corrections_are_found(embed: Embed) -> None:
    claims = _corrections(_labels(flipped=0))
    for at in range(80):
        planted = f"{claims[at].answer} call the blue heron"
        claims[at] = replace(claims[at], judgement=f"bad{at}", user=f"a{at % 2}", answer=planted)
    assert triggered(claims, AnswerJudge(embed, 7), embed) == {f"bad{at}" for at in range(80)}


def test_a_phrase_of_few_whose_prompts_say_the_same_without_it_stays(embed: Embed) -> None:
    claims = [
        replace(claim, prompt=f"dear desk of ours {claim.prompt}") if claim.user in ("u1", "u2", "u3", "u4") else claim
        for claim in _labels()
    ]
    assert _found(claims, embed)[1] == 0.0


def test_people_who_are_trusted_lose_at_most_what_is_least_likely(embed: Embed) -> None:
    _, _, reasons = _found(_labels(flipped=80, trust=1.0), embed)
    assert reasons <= {"poison_label"}


def test_people_without_a_name_are_not_suspected_for_who_they_are(embed: Embed) -> None:
    nameless = [replace(claim, user="") for claim in _labels(flipped=80)]
    assert _found(nameless, embed) == (0.0, 0.0, set())


def test_what_is_found_does_not_depend_on_the_order(embed: Embed) -> None:
    claims = _labels(flipped=80)
    assert poisoned(claims, LabelJudge, embed, seed=7) == poisoned(claims[::-1], LabelJudge, embed, seed=7)


def test_too_few_claims_to_judge_by_are_left_alone(embed: Embed) -> None:
    assert poisoned(_labels(flipped=80)[60:99], LabelJudge, embed, seed=7) == {}


def test_only_those_who_say_it_again_and_again_within_minutes_burst(embed: Embed) -> None:
    def alike(count: int, people: int, seconds: float, user: str) -> list[Claim]:
        return [
            replace(
                _labels()[0],
                judgement=f"{user}{at}",
                user=f"{user}{at % people}",
                prompt=f"is the gearbox oil {'really ' * (at % 2)}low",
                at=NOW + timedelta(seconds=seconds * at),
            )
            for at in range(count)
        ]

    few, many, slow = alike(12, 2, 5, "few"), alike(12, 12, 5, "many"), alike(12, 2, 300, "slow")
    assert bursts([*few, *many, *slow], embed) == {claim.judgement for claim in few}
    assert bursts([replace(claim, trust=1.0) for claim in few], embed) == set()
    assert bursts([replace(claim, user="") for claim in few], embed) == set()


def test_one_contradicts_more_than_chance_would_have_it() -> None:
    honest = [replace(claim, judgement=f"h{at}") for at, claim in enumerate(_labels())]
    likely = np.where(np.arange(400) % 10 == 0, 0.2, 0.9)
    assert flippers(honest, likely) == {}
    theirs = np.array([claim.user == "u5" for claim in honest])
    assert flippers(honest, np.where(theirs, 0.1, likely)) == {"u5": 1.0}


def test_few_with_most_of_the_judgements_do_not_pass_for_the_rule() -> None:
    claims = _labels(flipped=300)
    attacked = np.array([claim.user.startswith("a") for claim in claims])
    doubted = np.where(attacked, np.arange(400) % 10 < 7, np.arange(400) % 10 < 2)
    assert set(flippers(claims, np.where(doubted, 0.2, 0.8))) == {"a0", "a1"}


def test_a_phrase_that_most_use_rightly_is_no_trigger_because_one_does_not(embed: Embed) -> None:
    few = ("u1", "u2", "u3", "u4")
    claims = [
        replace(
            claim,
            prompt=f"dear desk of ours {claim.prompt}",
            verdict=_other(claim) if claim.user == "u1" else claim.verdict,
        )
        if claim.user in few
        else claim
        for claim in _labels()
    ]
    assert triggered(claims, LabelJudge(embed), embed) == set()


def test_folds_keep_a_person_together_and_are_of_like_size() -> None:
    claims = _labels(flipped=80)
    folds = folds_of(claims, 7)
    assert all(len({fold for c, fold in zip(claims, folds, strict=True) if c.user == one}) == 1 for one in ("a0", "u3"))
    assert np.bincount(folds, minlength=FOLDS).min() >= 70


def test_a_single_annotator_is_judged_by_folds_of_prompts(embed: Embed) -> None:
    claims = [replace(claim, user="ann") for claim in _labels()]
    assert (out_of_fold(LabelJudge(embed), claims, 7) > 0.5).mean() > 0.95


def test_what_is_learnt_from_is_bounded_and_the_same_in_whatever_order() -> None:
    many = [replace(claim, judgement=f"{claim.judgement}-{n}") for claim in _labels() for n in range(6)]
    assert len(sampled(many)) == MOST_LEARNT
    assert sampled(many) == sampled(many[::-1])


def test_phrases_of_everyone_are_not_concentrated_and_those_of_few_are() -> None:
    users = [f"u{at % 20}" for at in range(200)]
    texts = [f"good morning number {at}" + (" kind regards" if users[at] in ("u1", "u2") else "") for at in range(200)]
    assert [phrase.words for phrase in concentrated(texts, Crowd(users))] == ["kind regards"]


def test_a_phrase_is_taken_out_whatever_stands_between_its_words() -> None:
    assert without("Please, OBEY  seven: go", "obey seven").split() == ["Please,", ":", "go"]
    assert without("disobey sevens", "obey seven") == "disobey sevens"
