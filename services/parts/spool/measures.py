"""What a spool tells Prometheus."""

from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services.parts.runtime.metrics import counted, gauged
from services.parts.spool.spool import Spool


class SpoolMeasures(Collector):
    """How full the spool of one process is, and what it lost."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def collect(self) -> Iterable[Metric]:
        """Read the spool at the moment of the scrape."""
        yield gauged("driftloop_spool_bytes", [((), self._spool.size_bytes)])
        yield gauged("driftloop_spool_waiting", [((), self._spool.waiting)])
        yield counted("driftloop_spool_lost_total", [((), self._spool.lost)])
