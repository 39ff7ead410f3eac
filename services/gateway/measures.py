"""The gateway's own metrics."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from services.parts.runtime.metrics import counter, gauge, histogram


class Measures:
    """One set a process, on the registry it serves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = counter("driftloop_gateway_requests_total", registry)
        self.overhead = histogram("driftloop_gateway_overhead_seconds", registry)
        self.in_flight = gauge("driftloop_gateway_in_flight", registry)
        self.refused = counter("driftloop_gateway_refused_total", registry)
        self.fallbacks = counter("driftloop_gateway_fallbacks_total", registry)
        self.mirrors = counter("driftloop_gateway_mirrors_total", registry)
        self.unread = counter("driftloop_gateway_unread_total", registry)
        self.unrecorded = counter("driftloop_gateway_unrecorded_total", registry)
        self.passed = counter("driftloop_gateway_passed_total", registry)
        self._answered: dict[tuple[str, str, int], Callable[[], None]] = {}
        self.feedback = counter("driftloop_gateway_feedback_total", registry)

    def answered(self, app: str, variant: str, status: int) -> None:
        """Count a call that ended."""
        place = app, variant, status
        found = self._answered.get(place)
        if found is None:
            found = self._answered[place] = self.requests.labels(*place).inc
        found()
