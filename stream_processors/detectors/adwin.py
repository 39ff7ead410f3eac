"""ADWIN: do two parts of a stream's recent past differ in mean?"""

from typing import Self

from river._river_rust.drift import AdaptiveWindowing

from stream_processors.detectors.saved_state import SavedAdwin


class Adwin:
    """Adaptive windowing (Bifet and Gavalda 2007) by River, one object a stream.

    It keeps a window of exponential buckets, a few kilobytes however long the stream, and drops the
    older part when two parts differ by more than Hoeffding's bound at confidence `delta`. River's
    default clock looks for a cut at every 32nd observation.

    Its state can be written down without pickle: River's window gives and takes its own as bytes, every
    number to the last bit. They mean something to the same release of River only.

    This is river.drift.ADWIN without its package, which imports scikit-learn, SciPy and pandas for data
    sets of its own: 130 MB and a second of each start.

    Example:
        >>> import random
        >>> rng = random.Random(12345)
        >>> adwin = Adwin(delta=0.002)
        >>> stream = [rng.gauss(0.4, 0.1) for _ in range(500)] + [rng.gauss(0.5, 0.1) for _ in range(500)]
        >>> [index for index, value in enumerate(stream) if adwin.update(value)]
        [671]
    """

    def __init__(self, *, delta: float) -> None:
        self._delta = delta
        self._window = _window(delta)
        self._detected = False

    @classmethod
    def restored(cls, saved: SavedAdwin, *, delta: float) -> Self:
        """Return the detector that `saved` was made of; the same River and `delta` are needed."""
        adwin = cls(delta=delta)
        adwin._window.__setstate__(saved.window)
        adwin._detected = saved.detected
        return adwin

    def saved(self) -> SavedAdwin:
        """Return the state: a few kilobytes, growing with the logarithm of the window's width."""
        return SavedAdwin(self._window.__getstate__(), self._detected)

    def update(self, value: float) -> bool:
        """Take one observation and tell whether it made the window be cut. After a cut everything begins anew."""
        if self._detected:
            self._window = _window(self._delta)
        self._detected = bool(self._window.update(value))
        return self._detected

    @property
    def width(self) -> int:
        """Observations in the window."""
        return int(self._window.get_width())

    @property
    def mean(self) -> float:
        """Mean of the window."""
        return float(self._window.get_total() / self.width) if self.width else 0.0


def _window(delta: float) -> AdaptiveWindowing:
    """Return an empty window with River's own settings."""
    return AdaptiveWindowing(delta=delta, clock=32, max_buckets=5, min_window_length=5, grace_period=10)
