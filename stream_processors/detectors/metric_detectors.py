"""The detectors of one metric of one series: observations in, DriftMeasured out. Pure but for its own state."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from schemas.codec import from_unix_ms
from schemas.configuration import Drift
from schemas.ids import derived_id
from schemas.observations import DriftMeasured
from schemas.record import Series, Variant
from stream_processors.detectors.adwin import Adwin
from stream_processors.detectors.page_hinkley import PageHinkley
from stream_processors.detectors.population_stability import PopulationStability
from stream_processors.detectors.saved_state import SavedWatch, SavedWindow

Method = Literal["PopulationStability", "PageHinkley", "Adwin"]

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
    """Which detectors watch a metric, besides PSI wherever there is a reference."""

    adwin: bool = False
    page_hinkley: Literal["", "up", "both"] = ""


METHODS = {
    "prompt.distance": Methods(adwin=True, page_hinkley="both"),
    "prompt.injection": Methods(),
    "prompt.harm": Methods(),
    "feedback": Methods(page_hinkley="up"),
}


@dataclass(slots=True)
class _Window:
    stability: PopulationStability | None
    counts: list[int]
    seen: set[str] = field(default_factory=set)
    count: int = 0
    cuts: int = 0
    peak: float = 0.0


class Watch:
    """State of one metric of one series, as one version of a scorer gives it.

    Page-Hinkley and ADWIN take observations as they arrive, the windows only collect what is told at
    their close: PSI over the window, the greatest Page-Hinkley statistic, whether ADWIN cut. A
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
            self._test = PageHinkley(threshold=drift.page_hinkley, two_sided=methods.page_hinkley == "both")
        self._windows: dict[int, _Window] = {}
        self._saved_windows = {window.start: window for window in saved.windows}
        self._total = saved.total
        self.last_start = saved.last_start

    def saved(self) -> SavedWatch:
        """Return what a restart can't find again in the open windows' observations."""
        return SavedWatch(
            series=self._series,
            model=self._model,
            scorer=self._scorer,
            adwin=self._adwin.saved() if self._adwin else None,
            test=self._test,
            total=self._total,
            last_start=self.last_start,
            windows=tuple(
                SavedWindow(start, window.stability is not None, window.cuts, window.peak)
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
        self._windows[start] = _Window(compared, counts, cuts=saved.cuts, peak=saved.peak)

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
        return tuple(detections)

    def _step(self, start: int, window: _Window, observation: Observation) -> Iterator[DriftMeasured]:
        if self._adwin is not None and self._adwin.update(observation.value):
            window.cuts += 1
            yield self._measured("Adwin", 1.0, start, window, cause=observation)
        if self._test is not None:
            self._test = self._test.with_value(observation.value)
            window.peak = max(window.peak, self._test.statistic)
            if self._test.detected:
                yield self._measured("PageHinkley", self._test.statistic, start, window, cause=observation)

    def close(self, start: int) -> tuple[DriftMeasured, ...]:
        """End a window and return what it measured; nothing for a window this series has no part in."""
        window = self._windows.pop(start, None)
        if window is None:
            return ()
        measured = []
        if window.stability is not None and window.count >= self._drift.min_count:
            value = window.stability.measure(window.counts)
            measured.append(self._measured("PopulationStability", value, start, window))
        if self._adwin is not None:
            measured.append(self._measured("Adwin", float(window.cuts > 0), start, window))
        if self._test is not None:
            measured.append(self._measured("PageHinkley", window.peak, start, window))
        return tuple(measured)

    def _measured(
        self, method: Method, value: float, start: int, window: _Window, cause: Observation | None = None
    ) -> DriftMeasured:
        psi = method == "PopulationStability"
        limits = {
            "PopulationStability": self._drift.psi,
            "PageHinkley": self._drift.page_hinkley,
            "Adwin": ADWIN_VERDICT,
        }
        end = from_unix_ms(start + self._length)
        identity = ("drift", VERSION, self._series.key.decode(), self._metric, self._scorer, method, start)
        return DriftMeasured(
            event_id=derived_id(*identity, cause.id if cause else "closed"),
            occurred_at=cause.at if cause else end,
            app=self._series.app,
            model=self._model,
            adapter_version=self._series.adapter_version,
            variant=Variant(self._series.variant),
            tenant=self._series.tenant,
            metric=self._metric,
            method=method,
            value=value,
            threshold=limits[method],
            drifted=value > limits[method],
            count=window.count,
            window_start=from_unix_ms(start),
            window_end=cause.at if cause else end,
            detected_at_count=0 if psi else self._total,
            reference=self._series.adapter_version if psi else "",
            scorer=self._scorer,
        )
