"""The product's sequential detectors over many streams at once; a test holds them to the product's own verdicts."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from schemas.proportions import mean_bounds, proportion_bounds
from stream_processors.detectors.adwin import Adwin
from stream_processors.detectors.e_detector import STAKES
from stream_processors.detectors.page_hinkley import PageHinkley
from tests.bench.detection_streams import Stream, Values

Alarms = npt.NDArray[np.bool_]
Detector = Callable[[Values, Stream], Alarms]

WARM_UP, CONFIDENCE = 500, 0.95


def known(limit: float, *, two_sided: bool = False) -> Detector:
    """Return the e-detector with the stream's own mean for its baseline."""

    def alarms(values: Values, stream: Stream) -> Alarms:
        baseline = np.full(values.shape[1], stream.mean)
        return e_detections(values, baseline, baseline, limit, batch=stream.batch, two_sided=two_sided)

    return alarms


def learnt(limit: float) -> Detector:
    """Return the e-detector that learns its baseline from the first WARM_UP values; none of them is an alarm."""

    def alarms(values: Values, stream: Stream) -> Alarms:
        first = -(-WARM_UP // stream.batch)
        count, bounds = first * stream.batch, proportion_bounds if stream.proportion else mean_bounds
        totals = values[:first].sum(axis=0) * stream.batch
        high = np.array([bounds(float(total), count, miss=1 - CONFIDENCE)[1] for total in totals])
        found = e_detections(values[first:], high, high, limit, batch=stream.batch)
        return np.concatenate([np.zeros((first, values.shape[1]), bool), found])

    return alarms


def e_detections(
    values: Values, low: Values, high: Values, limit: float, *, batch: int, two_sided: bool = False
) -> Alarms:
    """Return where EDetector detects, of values that are each the mean of `batch` values."""
    alarms = np.zeros(values.shape, bool)
    sides = ((values, high), (1 - values, 1 - low)) if two_sided else ((values, high),)
    added = batch / len(STAKES) / len(sides)
    evidence = [np.zeros((values.shape[1], len(STAKES))) for _ in sides]
    for at in range(len(values)):
        for side, (means, baseline) in enumerate(sides):
            evidence[side] = (evidence[side] + added) * _steps(means[at], baseline, batch)
        alarms[at] = sum(one.sum(axis=1) for one in evidence) >= limit
        if alarms[at].any():
            for one in evidence:
                one[alarms[at]] = 0.0
    return alarms


def _steps(means: Values, baseline: Values, batch: int) -> Values:
    stakes = np.asarray(STAKES)
    if batch == 1:
        return np.asarray(1 - stakes + stakes * (means / baseline)[:, None])
    ones = np.log(1 - stakes + stakes / baseline[:, None])
    return np.asarray(np.exp(batch * (means[:, None] * ones + (1 - means[:, None]) * np.log1p(-stakes))))


def page_hinkley(values: Values, stream: Stream) -> Alarms:
    """Return where Page-Hinkley at its defaults detects a rise, each value taken as often as it stands for."""
    test, alarms = PageHinkley(threshold=50.0, two_sided=False), np.zeros(values.shape, bool)
    count, mean, rise = (np.zeros(values.shape[1]) for _ in range(3))
    lowest, before = np.full(values.shape[1], np.inf), np.zeros(values.shape[1], bool)
    for at in range(len(values)):
        for _ in range(stream.batch):
            if before.any():
                for state, empty in ((count, 0.0), (mean, 0.0), (rise, 0.0), (lowest, np.inf)):
                    state[before] = empty
            count += 1
            mean += (values[at] - mean) / count
            rise *= test.fading
            rise += values[at] - mean - test.tolerance
            np.minimum(lowest, rise, out=lowest)
            before = (rise - lowest > test.threshold) & (count >= test.least)
            alarms[at] |= before
    return alarms


def adwin(values: Values, stream: Stream) -> Alarms:
    """Return where ADWIN at its default detects; it tells rises and falls."""
    alarms = np.zeros(values.shape, bool)
    for place in range(values.shape[1]):
        detector = Adwin(delta=0.002)
        for at, value in enumerate(values[:, place].tolist()):
            alarms[at, place] = any([detector.update(value) for _ in range(stream.batch)])
    return alarms
