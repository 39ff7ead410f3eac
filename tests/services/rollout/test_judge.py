from schemas.rollout_policy import RolloutPolicy
from services.rollout.figures import Figures
from services.rollout.judge import judge
from tests.services.rollout.builders import APP, POLICY, judged, sketch_of


def test_flipped_labels_are_harm_within_a_dozen_answers() -> None:
    assert "accuracy" in judge(judged(12, 0.25), judged(100, 0.9), POLICY).harm


def test_equal_accuracy_is_no_harm_and_fit() -> None:
    verdict = judge(judged(200, 0.9), judged(800, 0.9), POLICY)
    assert (verdict.harm, verdict.lacking) == ("", "")


def test_a_drop_within_the_margin_is_no_harm() -> None:
    assert judge(judged(5000, 0.87), judged(5000, 0.9), POLICY).harm == ""


def test_too_few_judged_answers_are_not_enough_to_go_on() -> None:
    assert "30 needed" in judge(judged(29, 1.0), judged(400, 0.9), POLICY).lacking


def test_a_few_answers_below_stable_are_neither_harm_nor_fit() -> None:
    verdict = judge(judged(40, 0.85), judged(400, 0.9), POLICY)
    assert verdict.harm == ""
    assert "may be worse" in verdict.lacking


def test_many_answers_slightly_below_stable_are_fit() -> None:
    assert judge(judged(4000, 0.89), judged(4000, 0.9), POLICY).lacking == ""


def test_failing_calls_are_harm_without_any_feedback() -> None:
    candidate, stable = Figures(responses=60, errors=30), Figures(responses=600, errors=3)
    assert "30 of 60 calls failed" in judge(candidate, stable, POLICY).harm


def test_slow_answers_are_harm_on_the_request_path_only() -> None:
    candidate = judged(300, 0.9, latency=sketch_of([900.0 + i for i in range(300)]))
    stable = judged(300, 0.9, latency=sketch_of([100.0 + i / 10 for i in range(300)]))
    assert "p95 latency" in judge(candidate, stable, POLICY).harm
    assert judge(candidate, stable, POLICY, latency=False).harm == ""


def test_without_stable_answers_nothing_is_concluded() -> None:
    verdict = judge(judged(500, 0.1), judged(0, 0), RolloutPolicy(app=APP))
    assert verdict.harm == ""
    assert verdict.lacking


def test_evidence_names_both_accuracies_counts_and_the_bound() -> None:
    evidence = judge(judged(50, 0.8), judged(100, 0.9), POLICY).evidence
    assert evidence["canary_accuracy"] == 0.8
    assert (evidence["canary_count"], evidence["stable_count"], evidence["bound"]) == (50, 100, -0.05)
