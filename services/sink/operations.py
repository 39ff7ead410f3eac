"""What an operator sees of the sink."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge


class Operations:
    """The sink's Prometheus metrics, registered once per process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.rows = Counter("driftloop_sink_rows", "Rows stored", ["table"], registry=registry)
        self.dead_letters = Counter("driftloop_dead_letters", "Messages dead-lettered", ["topic"], registry=registry)
        self.lag = Gauge("driftloop_sink_lag_records", "Messages of held partitions not yet polled", registry=registry)
