"""What of the detectors' state is written down: the parts that depend on the order of all observations so far.

What depends on the observations of open windows alone (counts a bin, ids seen) is not: a restart reads
those again.
"""

import msgspec

from schemas.record import Series
from stream_processors.detectors.mean_watch import MeanWatch
from stream_processors.detectors.page_hinkley import PageHinkley


class SavedAdwin(msgspec.Struct, frozen=True):
    """ADWIN between two observations.

    Attributes:
        window: The buckets, in River's own binary form.
        detected: Whether the last observation made the window be cut; then the next one begins anew.
    """

    window: bytes
    detected: bool


class SavedWindow(msgspec.Struct, frozen=True):
    """An open window's share of what the sequential detectors told.

    Attributes:
        compared: Whether there was a reference when the window opened.
        cuts: How often ADWIN cut.
        peak: Greatest Page-Hinkley statistic.
        evidence: Greatest statistic of the e-detector.
    """

    start: int
    compared: bool
    cuts: int
    peak: float
    evidence: float = 0.0


class SavedWatch(msgspec.Struct, frozen=True, kw_only=True):
    """The detectors of one metric of one series; as it is by default, before the first observation.

    Attributes:
        scorer: Whose scores these are, with version; those of another are a series of their own.
        mean: Holds its own rule, and is taken up under the same one only.
        total: Observations so far.
        last_start: Start of the last window that had an observation.
    """

    series: Series
    model: str
    scorer: str = ""
    adwin: SavedAdwin | None = None
    test: PageHinkley | None = None
    mean: MeanWatch | None = None
    total: int = 0
    last_start: int = 0
    windows: tuple[SavedWindow, ...] = ()


class SavedLane(msgspec.Struct, frozen=True):
    """One metric within one partition: which windows are closed, and all its watches.

    The watermark is that of an observation in an open window, so a restart finds it again.
    """

    metric: str
    boundary_ms: int | None
    watches: tuple[SavedWatch, ...]
