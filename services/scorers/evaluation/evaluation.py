"""Runs scorers over labelled data sets: figures with intervals, for the whole and for its slices."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from schemas.metrics import SCORE_METRICS, UNSAFE
from services.scorers.contract import Measure, Score, Scorer, Subject
from services.scorers.evaluation.bootstrap import RESAMPLES, SEED, estimates_of
from services.scorers.evaluation.examples import DataSet
from services.scorers.evaluation.metrics import Sample
from services.scorers.evaluation.results import Result
from services.scorers.evaluation.slices import Places, slices_of

BATCH = 64
WARM_UP = 8

Advance = Callable[[int], None]
Rows = Sequence[tuple[Score, ...]]


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is found out.

    Attributes:
        resamples: Of which intervals are made.
        seed: Of the resamples.
        slices: Whether slices are looked at.
    """

    resamples: int = RESAMPLES
    seed: int = SEED
    slices: bool = True


DEFAULT = Detail()
FLAGGING: Mapping[str, str] = {metric.score: metric.label for metric in SCORE_METRICS if metric.label}
"""Of a measure the label that means bad, for the product's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What one measure said of a data set.

    Attributes:
        places: Of the examples that it could judge.
        sample: Their scores, in the same order.
    """

    places: Places
    sample: Sample


def evaluate(
    scorer: Scorer,
    data: DataSet,
    *,
    only: frozenset[str] = frozenset(),
    flagging: Mapping[str, str] = FLAGGING,
    detail: Detail = DEFAULT,
    advance: Advance = lambda _: None,
) -> list[Result]:
    """Return the results of each measure that the labels say something of: the whole set first, then its slices.

    A measure that could judge no example has no results.

    Args:
        scorer: Any.
        data: At least one example.
        only: Measures; empty for all.
        flagging: Of a measure the label that means bad; where none is named, "unsafe" does.
        detail: How much is found out.
        advance: Called with how many examples more have been scored.
    """
    measures = [measure for measure in data.judged_measures(scorer.card) if not only or measure.name in only]
    if not measures:
        return []
    rows, seconds = _scored(scorer, [example.subject for example in data.examples], advance)
    speed = len(rows) / seconds if seconds > 0 else None
    return [
        result
        for measure in measures
        for result in _results(scorer, data, judged_by(measure, rows, data, flagging), measure, speed, detail)
    ]


def _scored(scorer: Scorer, subjects: Sequence[Subject], advance: Advance) -> tuple[Rows, float]:
    """Return the rows of scores and the seconds that they took, what the first call loads aside."""
    scorer.score(subjects[:WARM_UP])
    rows: list[tuple[Score, ...]] = []
    seconds = 0.0
    for first in range(0, len(subjects), BATCH):
        batch = subjects[first : first + BATCH]
        began = time.perf_counter()
        rows.extend(scorer.score(batch))
        seconds += time.perf_counter() - began
        advance(len(batch))
    return rows, seconds


def judged_by(measure: Measure, rows: Rows, data: DataSet, flagging: Mapping[str, str]) -> Judged:
    """Return what a measure said of the examples that it could judge, turned so that more is worse."""
    scores = [next(score for score in row if score.name == measure.name) for row in rows]
    places = np.array([place for place, score in enumerate(scores) if score.value is not None], np.intp)
    values = np.array([scores[place].value for place in places], np.float64)
    bad = np.array([data.examples[place].bad for place in places], np.bool_)
    upright = measure.direction == "higher is worse"
    worst = flagging.get(measure.name, UNSAFE)
    flagged = None
    if worst in measure.labels:
        flagged = np.array([scores[place].label == worst for place in places], np.bool_)
    probability = (values if upright else 1 - values) if measure.unit == "probability" else None
    return Judged(places, Sample(bad, values if upright else -values, flagged, probability))


def _results(
    scorer: Scorer, data: DataSet, judged: Judged, measure: Measure, speed: float | None, detail: Detail
) -> Iterator[Result]:
    if not len(judged.places):
        return
    blank = Result(
        scorer=scorer.card.name,
        version=scorer.card.version,
        measure=measure.name,
        data_set=data.name,
        data_hash=data.digest,
        relation=data.relation,
        harmless=data.harmless,
    )
    unjudged = len(data.examples) - len(judged.places)
    whole = _filled(blank, judged.sample, detail)
    yield replace(whole, unjudged=unjudged, texts_per_second=speed)
    slices = slices_of([data.examples[place] for place in judged.places]) if detail.slices else {}
    for (by, name), places in slices.items():
        yield replace(_filled(blank, judged.sample.part(places), detail), sliced_by=by, slice=name)


def _filled(blank: Result, sample: Sample, detail: Detail) -> Result:
    figures = estimates_of(sample, resamples=detail.resamples, seed=detail.seed)
    return replace(blank, examples=len(sample.bad), bad=int(sample.bad.sum()), figures=figures)
