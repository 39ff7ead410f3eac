"""Metrics of feedback from windows' counters, those of labels compared with scikit-learn's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from schemas.metrics import COUNTERS, METRICS, confused, confusion_counter
from schemas.observations import WindowClosed
from stream_processors.monitors.confusion import confusion_of, f1, precision, recall
from stream_processors.monitors.partials import Measure, measure
from tests.stream_processors.builders import EPOCH, window

LABELS = ["safe", "unsafe", "a|b", "50%"]


def windows(*counters: dict[str, float]) -> list[WindowClosed]:
    """Return partials of one window, of different partitions, with these counters."""
    return [window(EPOCH, partition=number, counters=each) for number, each in enumerate(counters)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from([*LABELS, ""])), min_size=1, max_size=40))
def test_precision_recall_and_f1_are_the_macro_means_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    half = len(pairs) // 2
    sums: list[dict[str, float]] = [{}, {}]
    for number, (true, answered) in enumerate(pairs):
        name = confusion_counter(true, answered)
        sums[number > half][name] = sums[number > half].get(name, 0) + 1
    occurring = sorted({label for pair in pairs for label in pair} - {""})
    rights, answers = [right for right, _ in pairs], [answer for _, answer in pairs]
    wanted = precision_recall_fscore_support(rights, answers, labels=occurring, average="macro", zero_division=0)
    found = [measure(f"feedback.{name}", windows(*sums)) for name in ("precision", "recall", "f1")]
    assert [each.value for each in found] == pytest.approx(wanted[:3])
    assert {each.count for each in found} == {len(pairs)}


def test_nothing_judged_has_no_precision() -> None:
    empty = confusion_of([{"feedback": 3.0}])
    assert precision(empty) is recall(empty) is f1(empty) is None
    assert measure("feedback.f1", windows({"feedback": 3.0})) == Measure(None, 0)


def test_a_counter_says_what_it_counts() -> None:
    pairs = [(true, answered) for true in LABELS for answered in (*LABELS, "")]
    assert len({confusion_counter(*pair) for pair in pairs}) == len(pairs)
    assert confused(confusion_counter("unsafe", "")) == ("unsafe", "")
    assert not any(confused(name) for name in COUNTERS)


@pytest.mark.parametrize(
    ("metric", "value", "count"),
    [
        ("feedback.mean_rating", 3.5, 4),
        ("feedback.thumbs_down_ratio", 0.25, 8),
        ("feedback.correction_ratio", 0.5, 10),
        ("feedback.edit_distance", 0.2, 5),
        ("feedback.preferred_ratio", 0.75, 4),
        ("feedback.copied_ratio", 0.5, 10),
        ("feedback.regenerated_ratio", 0.3, 10),
        ("feedback.abandoned_ratio", 0.2, 10),
    ],
)
def test_metrics_of_feedback_are_of_all_partitions_together(metric: str, value: float, count: int) -> None:
    one = {"feedback": 4.0, "ratings": 1.0, "rating_sum": 5.0, "thumbs": 8.0, "thumbs_down": 2.0, "copied": 5.0}
    other = {
        "feedback": 6.0, "ratings": 3.0, "rating_sum": 9.0, "corrections": 5.0, "edit_sum": 1.0, "regenerated": 3.0,
        "abandoned": 2.0, "comparisons": 5.0, "comparisons_won": 3.0, "comparisons_lost": 1.0,
    }  # fmt: skip
    found = measure(metric, windows(one, other))
    assert found.value == pytest.approx(value)
    assert found.count == count


def test_every_metric_of_feedback_has_no_value_where_nothing_was_said() -> None:
    names = [metric.name for metric in METRICS if metric.name.startswith("feedback.")]
    assert {measure(name, []) for name in names if name != "feedback.count"} == {Measure(None, 0)}
