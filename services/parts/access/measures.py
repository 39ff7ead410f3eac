"""What a door tells Prometheus."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services.parts.access.ring import KeyRing
from services.parts.runtime.metrics import counter, gauged


class AccessMeasures(Collector):
    """How old the ring of one process is, and who was not let in."""

    def __init__(self, ring: KeyRing, registry: CollectorRegistry) -> None:
        self._ring = ring
        self.denied = counter("driftloop_access_denied_total", registry)
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Read the ring's age at the moment of the scrape."""
        yield gauged("driftloop_access_keys_age_seconds", [((), self._ring.age_s)])
