"""What alerting tells Prometheus."""

from services.parts.runtime.metrics import counter, gauge


class Measures:
    """One set a process."""

    def __init__(self) -> None:
        self.deliveries = counter("driftloop_alerting_deliveries_total")
        self.skipped = counter("driftloop_skipped_total")
        self.lag = gauge("driftloop_consumer_lag_records").labels("alerting")
