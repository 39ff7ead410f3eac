"""The gate's decision, question by question."""

import pytest

from schemas.gate_policy import GatePolicy
from schemas.learning import GateReport, SliceResult
from training.judging.gate import Judged, decide

POLICY = GatePolicy(earlier_margin=0.05, slice_margin=0.2, min_count=50)


def _rows(
    count: int, *, candidate: float, incumbent: float, recent: bool = True, slice_: str = "", label: str = "safe"
) -> list[Judged]:
    """Return prompts of which the given shares are answered rightly, the versions' right answers nested."""
    return [
        Judged(recent, slice_, label, candidate_correct=i < candidate * count, incumbent_correct=i < incumbent * count)
        for i in range(count)
    ]


def _report(*parts: list[Judged], policy: GatePolicy = POLICY) -> GateReport:
    return decide([row for part in parts for row in part], policy, seed=7)


def _slice(report: GateReport, name: str, role: str = "slice") -> SliceResult:
    return next(result for result in report.slices if result.name == name and result.role == role)


def test_a_clear_gain_without_loss_passes() -> None:
    report = _report(
        _rows(200, candidate=0.95, incumbent=0.6),
        _rows(300, candidate=0.96, incumbent=0.96, recent=False),
    )
    assert report.passed
    assert _slice(report, "recent", "recent").bound > 0.25
    assert report.reasons[0].startswith("recent: better, 0.950 against 0.600 on 200 prompts")


def test_flipped_answers_are_refused() -> None:
    report = _report(_rows(200, candidate=0.1, incumbent=0.9))
    assert not report.passed
    assert "not shown to be better" in report.reasons[0]


def test_a_gain_within_chance_is_refused() -> None:
    assert not _report(_rows(60, candidate=0.62, incumbent=0.60)).passed


def test_an_equal_candidate_is_refused() -> None:
    assert not _report(_rows(500, candidate=0.9, incumbent=0.9)).passed


def test_too_few_recent_prompts_refuse_whatever_the_gain() -> None:
    report = _report(_rows(49, candidate=1.0, incumbent=0.0))
    assert not report.passed
    assert report.reasons[0] == "recent: 49 held-out prompts, at least 50 are needed"


def test_a_loss_on_earlier_traffic_beyond_its_margin_refuses() -> None:
    report = _report(
        _rows(200, candidate=0.95, incumbent=0.6), _rows(300, candidate=0.89, incumbent=0.96, recent=False)
    )
    assert not report.passed
    assert not _slice(report, "earlier", "earlier").passed
    assert "is not ruled out" in report.reasons[1]


def test_a_small_earlier_set_can_rule_nothing_out_and_refuses() -> None:
    report = _report(_rows(200, candidate=0.95, incumbent=0.6), _rows(20, candidate=1.0, incumbent=1.0, recent=False))
    assert not report.passed
    assert report.reasons[1] == "earlier: 20 held-out prompts can't rule out a loss of 0.050, at least 38 are needed"


def test_without_earlier_traffic_there_is_nothing_to_lose() -> None:
    report = _report(_rows(200, candidate=0.95, incumbent=0.6))
    assert report.passed
    assert "nothing to lose" in report.reasons[1]


def test_blocking_benign_look_alikes_refuses_though_the_whole_is_better() -> None:
    report = _report(
        _rows(150, candidate=1.0, incumbent=0.2, slice_="harmful", label="unsafe"),
        _rows(50, candidate=0.34, incumbent=0.88, slice_="look-alike"),
    )
    assert not report.passed
    assert not _slice(report, "look-alike").passed
    assert _slice(report, "recent", "recent").passed
    assert any(reason.startswith("slice look-alike: worse, 0.340 against 0.880") for reason in report.reasons)


def test_a_slice_has_its_own_margin() -> None:
    rows = (
        _rows(150, candidate=1.0, incumbent=0.2, slice_="harmful", label="unsafe"),
        _rows(50, candidate=0.74, incumbent=0.96, slice_="look-alike", label="unsafe"),
    )
    assert not _report(*rows).passed
    assert _report(*rows, policy=GatePolicy(slice_margins={"look-alike": 0.25})).passed


def test_a_loss_that_equals_the_margin_passes() -> None:
    rows = _rows(100, candidate=1.0, incumbent=0.2), _rows(20, candidate=0.6, incumbent=0.8, slice_="edge")
    assert _slice(_report(*rows), "edge").passed


def test_a_tiny_slice_is_reported_and_not_judged() -> None:
    report = _report(_rows(200, candidate=0.95, incumbent=0.5), _rows(5, candidate=0.0, incumbent=1.0, slice_="rare"))
    assert report.passed
    assert any("rare" in reason and "too few to judge" in reason for reason in report.reasons)


def test_a_slice_named_like_a_role_is_a_slice() -> None:
    report = _report(_rows(200, candidate=0.95, incumbent=0.5, slice_="recent"))
    assert [result.role for result in report.slices if result.name == "recent"] == ["recent", "slice"]


def test_each_label_of_recent_traffic_is_a_slice() -> None:
    report = _report(
        _rows(100, candidate=1.0, incumbent=0.2, label="unsafe"), _rows(100, candidate=0.5, incumbent=0.9, label="safe")
    )
    assert not report.passed
    assert not _slice(report, "label=safe").passed


def test_the_same_answers_give_the_same_report() -> None:
    rows = _rows(120, candidate=0.9, incumbent=0.7)
    assert decide(rows, POLICY, seed=7) == decide(rows, POLICY, seed=7)


def test_no_prompts_at_all_refuse() -> None:
    assert not _report().passed


def _graded(count: int, *, candidate: float, incumbent: float) -> list[Judged]:
    """Return prompts whose grades spread around a mean, the versions' grades moving together."""
    spread = [0.1 * ((i % 5) - 2) for i in range(count)]
    return [Judged(True, "", "", candidate + s, incumbent + s + 0.02 * (i % 3 - 1)) for i, s in enumerate(spread)]


def test_graded_answers_that_are_shown_to_be_better_pass() -> None:
    report = decide(_graded(200, candidate=0.65, incumbent=0.5), POLICY, seed=7, metric="chrf")
    assert report.passed
    assert report.metric == "chrf"
    assert report.slices[0].candidate.value == pytest.approx(0.65)
    assert report.slices[0].candidate.low < 0.65 < report.slices[0].candidate.high


def test_graded_answers_of_the_same_worth_are_refused() -> None:
    assert not decide(_graded(200, candidate=0.5, incumbent=0.5), POLICY, seed=7).passed


def _thumbs(*, unwanted: int, wanted: int, avoids: float, keeps: float) -> list[Judged]:
    """Return thumbs' prompts: the incumbent gives every answer again, wanted or not."""
    return [
        *(Judged(True, "", "", float(i < avoids * unwanted), 0.0, "unwanted") for i in range(unwanted)),
        *(Judged(True, "", "", float(i < keeps * wanted), 1.0, "wanted") for i in range(wanted)),
    ]


def test_who_avoids_what_was_unwanted_and_keeps_what_was_wanted_passes() -> None:
    report = _report(_thumbs(unwanted=100, wanted=60, avoids=0.9, keeps=0.95))
    assert report.passed
    assert _slice(report, "recent", "recent").candidate.value == pytest.approx((90 + 57) / 160)
    assert _slice(report, "said=unwanted").candidate.value == 0.9


def test_who_avoids_what_was_unwanted_by_losing_what_was_wanted_is_refused() -> None:
    report = _report(_thumbs(unwanted=100, wanted=60, avoids=1.0, keeps=0.0))
    assert _slice(report, "recent", "recent").passed
    assert (_slice(report, "said=wanted").passed, report.passed) == (False, False)


def test_liked_answers_are_no_slice_where_nothing_was_unwanted() -> None:
    assert [result.name for result in _report(_thumbs(unwanted=0, wanted=60, avoids=0, keeps=1.0)).slices] == ["recent"]
