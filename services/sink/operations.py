"""What an operator sees of the sink."""

from prometheus_client import REGISTRY, CollectorRegistry

from services.parts.runtime.metrics import counter, gauge


class Operations:
    """The sink's Prometheus metrics, registered once per process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.rows = counter("driftloop_sink_rows_total", registry)
        self.dead_letters = counter("driftloop_dead_letters_total", registry)
        self.lag = gauge("driftloop_consumer_lag_records", registry).labels("sink")
        self.poisoned = gauge("driftloop_sink_poisoned_partitions", registry)
