"""What a spool tells Prometheus."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.spool.spool import Spool


class SpoolMeasures(Collector):
    """driftloop_spool_bytes, driftloop_spool_waiting and driftloop_spool_lost_total of one process."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def collect(self) -> Iterable[Metric]:
        """Read the spool at the moment of the scrape."""
        yield GaugeMetricFamily("driftloop_spool_bytes", "Bytes of the spool on disk.", self._spool.size_bytes)
        yield GaugeMetricFamily("driftloop_spool_waiting", "Events that Kafka does not have yet.", self._spool.waiting)
        yield CounterMetricFamily("driftloop_spool_lost", "Events dropped for want of room.", self._spool.lost)
