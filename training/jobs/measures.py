"""What the training service tells Prometheus."""

from services.parts.runtime.metrics import counter, gauge


class Measures:
    """One set a process."""

    def __init__(self) -> None:
        self.orders = counter("driftloop_training_orders_total")
        self.crashes = counter("driftloop_training_worker_crashes_total")
        self.skipped = counter("driftloop_skipped_total")
        self.lag = gauge("driftloop_consumer_lag_records").labels("training")
        self.running = gauge("driftloop_training_running")
