"""What is said of a candidate that writes, comparison by comparison."""

from dataclasses import replace

import pytest

from schemas.rollout_policy import PairJudge, RolloutPolicy
from schemas.scoring import Endpoint
from services.rollout.evidence.amounts import Amount
from services.rollout.evidence.scored import FORMAT, REFUSAL, UNSAFE
from services.rollout.evidence.trials import Trials
from services.rollout.figures import Figures
from services.rollout.judge import Verdict, judge
from tests.services.rollout.builders import APP

ENDPOINT = Endpoint(form="judge", url="http://judge/v1", model="m", rubric="the kinder one")
POLICY = RolloutPolicy(app=APP, judge=PairJudge(endpoint=ENDPOINT, needed=20))
STABLE = Figures(
    responses=2000,
    thumbs=400,
    thumbs_down=40,
    ratings=400,
    rating_sum=1600.0,
    corrections=100,
    edit_sum=30.0,
    tokens=Amount(100.0, 2.0, 40),
    cost=Amount(1e-4, 2e-6, 40),
    scored={name: Trials(40.0, 2000.0) for name in (REFUSAL, UNSAFE, FORMAT)},
)


def of_candidate(candidate: Figures, *, shadow: bool = False) -> Verdict:
    return judge(candidate, STABLE, POLICY, latency=not shadow, task="write")


def scored(name: str, hits: float, count: float) -> Figures:
    return replace(STABLE, scored={**STABLE.scored, name: Trials(hits, count)})


def test_the_same_figures_are_no_harm_and_fit() -> None:
    verdict = of_candidate(STABLE)
    assert (verdict.harm, verdict.lacking) == ("", "")
    assert "mean rating 4.000 of 400 against stable's 4.000" in verdict.said


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (replace(STABLE, rating_sum=1200.0), "mean rating 3.000 of 400 against stable's 4.000 of 400"),
        (replace(STABLE, thumbs_down=160), "share of thumbs down"),
        (replace(STABLE, corrections=500), "share of corrected answers"),
        (replace(STABLE, edit_sum=400.0), "change by corrections"),
        (scored(REFUSAL, 300, 2000), "share of refusals"),
        (scored(UNSAFE, 200, 2000), "share of unsafe answers"),
        (scored(FORMAT, 300, 2000), "share of answers without the form asked for"),
        (replace(STABLE, tokens=Amount(400.0, 8.0, 40)), "tokens of an answer 400 against stable's 100: at least"),
        (replace(STABLE, tokens=Amount(20.0, 0.5, 40)), "tokens of an answer 20 against stable's 100: at most"),
        (replace(STABLE, cost=Amount(5e-4, 1e-5, 40)), "USD of an answer"),
        (replace(STABLE, errors=400), "400 of 2000 calls failed, 0 of 2000 of stable's"),
        (replace(STABLE, judged=300, correct=100), ""),
    ],
)
def test_each_comparison_alone_takes_a_version_back(candidate: Figures, said: str) -> None:
    harm = of_candidate(candidate).harm
    assert harm.startswith(said)
    assert bool(harm) == bool(said)
    assert ";" not in harm


def test_cheaper_answers_are_welcome() -> None:
    assert of_candidate(replace(STABLE, cost=Amount(1e-5, 1e-7, 40))).harm == ""


def test_a_few_windows_say_nothing_of_length() -> None:
    assert of_candidate(replace(STABLE, tokens=Amount(400.0, 8.0, 5))).harm == ""


def test_one_kind_of_feedback_that_stable_gets_is_enough() -> None:
    few = replace(STABLE, responses=200, thumbs=0, thumbs_down=0, corrections=10, edit_sum=3.0)
    assert of_candidate(few).lacking == ""
    lacking = of_candidate(replace(few, ratings=10, rating_sum=40.0)).lacking
    assert "10 ratings (400 of stable's), 0 thumbs (400 of stable's)" in lacking
    assert "30 needed of each" in lacking


def test_a_version_that_nobody_needs_to_correct_is_judged_by_how_often_stable_is() -> None:
    stable = Figures(responses=2000, corrections=100, edit_sum=30.0)
    few = judge(Figures(responses=400), stable, POLICY, task="write")
    assert "20 corrections expected (100 of stable's)" in few.lacking
    assert judge(Figures(responses=700), stable, POLICY, task="write").lacking == ""


def test_without_any_feedback_answers_count_and_the_reason_says_so() -> None:
    few = judge(Figures(responses=29), Figures(responses=900), POLICY, task="write")
    assert few.lacking == "29 answers, 900 of stable's; 30 needed of each"
    enough = judge(Figures(responses=30), Figures(responses=900), POLICY, task="write")
    assert (enough.lacking, enough.said) == ("", "no feedback was there: judged by 30 answers")


def test_what_is_observed_worse_than_allowed_waits() -> None:
    assert "share of refusals" in of_candidate(scored(REFUSAL, 3, 40)).lacking


def test_a_shadow_is_judged_by_its_answers_and_by_pairs() -> None:
    shadow = replace(STABLE, ratings=0, rating_sum=0.0, thumbs=0, thumbs_down=0, corrections=0, edit_sum=0.0)
    assert of_candidate(shadow, shadow=True).lacking == "0 pairs shown to the judge, 20 needed"
    assert of_candidate(replace(shadow, unjudged=20), shadow=True).lacking == ""
    assert of_candidate(replace(shadow, pairs=Trials(10.0, 20.0)), shadow=True).lacking == ""
    assert of_candidate(replace(shadow, pairs=Trials(7.0, 20.0)), shadow=True).lacking.startswith("it wins 0.350 of 20")


def test_what_labels_say_of_a_shadow_is_not_compared_with_what_people_say_of_stable() -> None:
    wrong = replace(STABLE, judged=200, correct=0)
    stable = replace(STABLE, judged=400, correct=360)
    assert judge(wrong, stable, POLICY, latency=False, task="write").harm == ""
    assert judge(wrong, stable, POLICY, task="write").harm.startswith("accuracy 0.000 of 200 against stable's 0.900")


def test_pairs_that_are_lost_take_a_shadow_back_and_pairs_without_a_word_never_do() -> None:
    lost, silent = replace(STABLE, pairs=Trials(3.0, 60.0)), replace(STABLE, unjudged=200)
    assert of_candidate(lost, shadow=True).harm.startswith("it wins 0.050 of 60 pairs with stable's answers")
    assert of_candidate(silent, shadow=True).harm == ""


def test_the_evidence_names_both_values_of_each_comparison() -> None:
    evidence = of_candidate(scored(UNSAFE, 100, 2000)).evidence
    assert (evidence["canary_unsafe"], evidence["stable_unsafe"]) == (0.05, 0.02)
    assert (evidence["canary_rating"], evidence["canary_rating_count"]) == (4.0, 400)
    assert evidence["stable_tokens"] == 100.0
