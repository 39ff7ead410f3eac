"""How well labels are told apart, from counts of which was answered in place of which. Pure.

Each measure is the plain mean over the labels that occur, as right ones or as answers ("macro"), so that a rare
label weighs as much as a frequent one. A share of nothing is 0: a label that was never answered has precision 0.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from schemas.metrics import confused

Confusion = Counter[tuple[str, str]]
"""Judged answers by the right label and the one answered, which is empty where it was none of the app's."""


def confusion_of(counters: Iterable[Mapping[str, float]]) -> Confusion:
    """Return the sums over windows' counters."""
    confusion: Confusion = Counter()
    for window in counters:
        for name, value in window.items():
            if (pair := confused(name)) is not None:
                confusion[pair] += round(value)
    return confusion


def precision(confusion: Confusion) -> float | None:
    """Return the mean share of answers of a label that were right; None where nothing was judged."""
    return _mean([_share(hits, answered) for hits, _, answered in _by_label(confusion)])


def recall(confusion: Confusion) -> float | None:
    """Return the mean share of a label's cases that were answered so; None where nothing was judged."""
    return _mean([_share(hits, true) for hits, true, _ in _by_label(confusion)])


def f1(confusion: Confusion) -> float | None:
    """Return the mean of the labels' F1; None where nothing was judged."""
    return _mean([_share(2 * hits, true + answered) for hits, true, answered in _by_label(confusion)])


def _by_label(confusion: Confusion) -> list[tuple[int, int, int]]:
    """Return of each label: right answers, cases, answers."""
    true: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for (right, said), number in confusion.items():
        true[right] += number
        answered[said] += number
    labels = sorted((true.keys() | answered.keys()) - {""})
    return [(confusion[label, label], true[label], answered[label]) for label in labels]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
