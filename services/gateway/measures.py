"""The gateway's own metrics; names are listed in docs/operations.md."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_OVERHEAD_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)


class Measures:
    """One set a process, on the registry it serves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "driftloop_gateway_requests",
            "Calls answered, by what answered and HTTP status.",
            ("app", "variant", "status"),
            registry=registry,
        )
        self.overhead = Histogram(
            "driftloop_gateway_overhead_seconds",
            "Time a call spent in the gateway and not in its upstream.",
            buckets=_OVERHEAD_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge("driftloop_gateway_in_flight", "Calls being answered.", registry=registry)
        self.refused = Counter("driftloop_gateway_refused", "Calls refused for what they said.", registry=registry)
        self.fallbacks = Counter(
            "driftloop_gateway_fallbacks",
            "Calls answered by stable because the replica lacked the chosen version.",
            ("app", "adapter_version"),
            registry=registry,
        )
        self.mirrors = Counter(
            "driftloop_gateway_mirrors", "Copies for shadows.", ("app", "outcome"), registry=registry
        )
        self.feedback = Counter("driftloop_gateway_feedback", "Feedback taken.", ("app",), registry=registry)
