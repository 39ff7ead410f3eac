"""ADWIN: do two parts of a stream's recent past differ in mean?"""

from typing import Self

from river import drift

from stream_processors.detectors.saved_state import SavedAdwin


class Adwin:
    """Adaptive windowing (Bifet and Gavalda 2007) by River, one object a stream.

    It keeps a window of exponential buckets, a few kilobytes however long the stream, and drops the
    older part when two parts differ by more than Hoeffding's bound at confidence `delta`. River's
    default clock looks for a cut at every 32nd observation.

    Its state can be written down without pickle: River's window gives and takes its own as bytes, every
    number to the last bit. They mean something to the same release of River only.

    Example:
        >>> import random
        >>> rng = random.Random(12345)
        >>> adwin = Adwin(delta=0.002)
        >>> stream = [rng.gauss(0.4, 0.1) for _ in range(500)] + [rng.gauss(0.5, 0.1) for _ in range(500)]
        >>> [index for index, value in enumerate(stream) if adwin.update(value)]
        [671]
    """

    def __init__(self, *, delta: float) -> None:
        self._detector = drift.ADWIN(delta=delta)

    @classmethod
    def restored(cls, saved: SavedAdwin, *, delta: float) -> Self:
        """Return the detector that `saved` was made of; the same River and `delta` are needed."""
        adwin = cls(delta=delta)
        adwin._detector._helper.__setstate__(saved.window)
        adwin._detector._drift_detected = saved.detected
        return adwin

    def saved(self) -> SavedAdwin:
        """Return the state: a few kilobytes, growing with the logarithm of the window's width."""
        return SavedAdwin(self._detector._helper.__getstate__(), bool(self._detector.drift_detected))

    def update(self, value: float) -> bool:
        """Take one observation and tell whether it made the window be cut."""
        self._detector.update(value)
        return bool(self._detector.drift_detected)

    @property
    def width(self) -> int:
        """Observations in the window."""
        return int(self._detector.width)

    @property
    def mean(self) -> float:
        """Mean of the window."""
        return float(self._detector.estimation)
