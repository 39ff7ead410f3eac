"""The detectors of one metric of one series: observations in, DriftMeasured out. Pure but for its own state."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from schemas.codec import from_unix_ms, to_unix_ms
from schemas.configuration import Drift
from schemas.false_alarms import parse_false_alarms
from schemas.ids import derived_id
from schemas.observations import DriftMeasured
from schemas.record import Series, Variant
from stream_processors.detectors.adwin import Adwin
from stream_processors.detectors.mean_watch import MeanRule, MeanWatch
from stream_processors.detectors.page_hinkley import PageHinkley
from stream_processors.detectors.population_stability import PopulationStability
from stream_processors.detectors.saved_state import SavedWatch, SavedWindow
from stream_processors.detectors.window_thresholds import threshold

Method = Literal["PopulationStability", "PageHinkley", "Adwin", "EDetector"]

VERSION = 2
ADWIN_VERDICT = 0.5


@dataclass(frozen=True, slots=True)
class Observation:
    """A value of a metric, at its event time.

    Attributes:
        weight: How many equal observations it stands for.
        id: The same however often it is delivered.
        scorer: Who gave it, with version; empty for what no scorer gives.
    """

    series: Series
    model: str
    metric: str
    at: datetime
    value: float
    weight: int
    id: str
    scorer: str = ""


@dataclass(frozen=True, slots=True)
class Methods:
    """Which detectors watch a metric, besides PSI wherever there is a reference.

    Attributes:
        error: The mean of an error: the e-detector, or Page-Hinkley upwards where the configuration says so.
    """

    adwin: bool = False
    page_hinkley: bool = False
    error: bool = False


METHODS = {
    "prompt.distance": Methods(adwin=True, page_hinkley=True),
    "prompt.injection": Methods(),
    "prompt.harm": Methods(),
    "feedback": Methods(error=True),
}


@dataclass(slots=True)
class _Window:
    stability: PopulationStability | None
    counts: list[int]
    seen: set[str] = field(default_factory=set)
    count: int = 0
    cuts: int = 0
    peak: float = 0.0
    evidence: float = 0.0


@dataclass(frozen=True, slots=True)
class _Verdict:
    method: Method
    value: float
    threshold: float
    drifted: bool
    reference: str = ""


class Watch:
    """State of one metric of one series, as one version of a scorer gives it.

    Page-Hinkley, ADWIN and the e-detector take observations as they arrive, the windows only collect
    what is told at their close: PSI over the window, the greatest statistics, whether ADWIN cut. A
    detection is told at once as well. Ids derive from series, metric, method and window (or the
    detecting observation), so what a replay tells again replaces what was told.

    Attributes:
        last_start: Start of the last window that had an observation.
    """

    def __init__(self, metric: str, drift: Drift, *, saved: SavedWatch, length_ms: int) -> None:
        methods = METHODS[metric]
        self._series, self._model, self._metric = saved.series, saved.model, metric
        self._scorer = saved.scorer
        self._drift = drift
        self._length = length_ms
        self._adwin = None
        if methods.adwin:
            delta = drift.adwin_delta
            self._adwin = Adwin.restored(saved.adwin, delta=delta) if saved.adwin else Adwin(delta=delta)
        self._test = saved.test
        if methods.page_hinkley and saved.test is None:
            self._test = PageHinkley(threshold=drift.page_hinkley)
        self._mean: MeanWatch | None = None
        if methods.error:
            self._watch_error(saved)
        self._alarms = parse_false_alarms(drift.false_alarms)
        self._windows: dict[int, _Window] = {}
        self._saved_windows = {window.start: window for window in saved.windows}
        self._total = saved.total
        self.last_start = saved.last_start

    def _watch_error(self, saved: SavedWatch) -> None:
        if self._drift.detector == "page-hinkley":
            self._test = saved.test or PageHinkley(threshold=self._drift.page_hinkley, two_sided=False)
            return
        rule = MeanRule.of_errors(self._drift)
        self._test = None
        self._mean = saved.mean if saved.mean and saved.mean.rule == rule else MeanWatch(rule=rule)

    def saved(self) -> SavedWatch:
        """Return what a restart can't find again in the open windows' observations."""
        return SavedWatch(
            series=self._series,
            model=self._model,
            scorer=self._scorer,
            adwin=self._adwin.saved() if self._adwin else None,
            test=self._test,
            mean=self._mean,
            total=self._total,
            last_start=self.last_start,
            windows=tuple(
                SavedWindow(start, window.stability is not None, window.cuts, window.peak, window.evidence)
                for start, window in self._windows.items()
            ),
        )

    def opens(self, start: int) -> bool:
        """Whether an observation in this window would be its first."""
        return start not in self._windows

    def open(self, start: int, stability: PopulationStability | None) -> None:
        """Begin a window, compared with a reference if the version has one, or go on with a saved one."""
        self.last_start = max(self.last_start, start)
        saved = self._saved_windows.pop(start, None) or SavedWindow(start, compared=True, cuts=0, peak=0.0)
        compared = stability if saved.compared else None
        counts = [0] * len(compared.expected) if compared else []
        self._windows[start] = _Window(compared, counts, cuts=saved.cuts, peak=saved.peak, evidence=saved.evidence)

    def observe(self, start: int, observation: Observation, *, absorbed: bool) -> tuple[DriftMeasured, ...]:
        """Take an observation into its open window and return the detections that it made.

        Args:
            absorbed: The sequential detectors restored know it already, and what they made of it was told.
        """
        window = self._windows[start]
        if observation.id in window.seen:
            return ()
        window.seen.add(observation.id)
        if window.stability is not None:
            window.counts[window.stability.bin_of(observation.value)] += observation.weight
        if absorbed:
            window.count += observation.weight
            return ()
        detections: list[DriftMeasured] = []
        for _ in range(observation.weight):
            window.count += 1
            self._total += 1
            detections.extend(self._step(start, window, observation))
        detections.extend(self._weigh(start, window, observation))
        return tuple(detections)

    def _step(self, start: int, window: _Window, observation: Observation) -> Iterator[DriftMeasured]:
        if self._adwin is not None and self._adwin.update(observation.value):
            window.cuts += 1
            yield self._measured(_adwins(1.0), start, window, cause=observation)
        if self._test is not None:
            self._test = self._test.with_value(observation.value)
            window.peak = max(window.peak, self._test.statistic)
            if self._test.detected:
                yield self._measured(self._tests(self._test.statistic), start, window, cause=observation)

    def _weigh(self, start: int, window: _Window, observation: Observation) -> Iterator[DriftMeasured]:
        if self._mean is not None:
            at = to_unix_ms(observation.at)
            self._mean = self._mean.with_mean(observation.value, count=observation.weight, at_ms=at)
            window.evidence = max(window.evidence, self._mean.statistic)
            if self._mean.detected:
                yield self._measured(_means(self._mean, self._mean.statistic), start, window, cause=observation)

    def close(self, start: int) -> tuple[DriftMeasured, ...]:
        """End a window and return what it measured; nothing for a window this series has no part in."""
        window = self._windows.pop(start, None)
        if window is None:
            return ()
        verdicts = []
        if window.stability is not None and window.count >= self._drift.min_count:
            verdicts.append(self._stabilities(window.stability, window.counts))
        if self._adwin is not None:
            verdicts.append(_adwins(float(window.cuts > 0)))
        if self._test is not None:
            verdicts.append(self._tests(window.peak))
        if self._mean is not None:
            verdicts.append(_means(self._mean, window.evidence))
        return tuple(self._measured(verdict, start, window) for verdict in verdicts)

    def _stabilities(self, stability: PopulationStability, counts: list[int]) -> _Verdict:
        value, limit = stability.measure(counts), self._drift.psi
        if limit is None:
            limit = threshold(stability, sum(counts), self._alarms, seconds=self._length / 1000)
        return _Verdict("PopulationStability", value, limit, value > limit, self._series.adapter_version)

    def _tests(self, value: float) -> _Verdict:
        return _Verdict("PageHinkley", value, self._drift.page_hinkley, value > self._drift.page_hinkley)

    def _measured(
        self, verdict: _Verdict, start: int, window: _Window, cause: Observation | None = None
    ) -> DriftMeasured:
        end = from_unix_ms(start + self._length)
        identity = ("drift", VERSION, self._series.key.decode(), self._metric, self._scorer, verdict.method, start)
        return DriftMeasured(
            event_id=derived_id(*identity, cause.id if cause else "closed"),
            occurred_at=cause.at if cause else end,
            app=self._series.app,
            model=self._model,
            adapter_version=self._series.adapter_version,
            variant=Variant(self._series.variant),
            tenant=self._series.tenant,
            metric=self._metric,
            method=verdict.method,
            value=verdict.value,
            threshold=verdict.threshold,
            drifted=verdict.drifted,
            count=window.count,
            window_start=from_unix_ms(start),
            window_end=cause.at if cause else end,
            detected_at_count=0 if verdict.method == "PopulationStability" else self._total,
            reference=verdict.reference,
            scorer=self._scorer,
        )


def _adwins(value: float) -> _Verdict:
    return _Verdict("Adwin", value, ADWIN_VERDICT, value > ADWIN_VERDICT)


def _means(mean: MeanWatch, value: float) -> _Verdict:
    return _Verdict("EDetector", value, mean.threshold, value >= mean.threshold, mean.baseline)
