"""ADWIN: do two parts of a stream's recent past differ in mean?"""

from river import drift


class Adwin:
    """Adaptive windowing (Bifet and Gavalda 2007) by River, one object a stream.

    It keeps a window of exponential buckets, a few kilobytes however long the stream, and drops the
    older part when two parts differ by more than Hoeffding's bound at confidence `delta`. River's
    default clock looks for a cut at every 32nd observation. The state is rebuilt by replaying values.

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
