"""What the training service tells Prometheus."""

from prometheus_client import Counter, Gauge

ORDERS = Counter("driftloop_training_orders_total", "Orders read, by what became of them", ["kind", "outcome"])
CRASHES = Counter("driftloop_training_worker_crashes_total", "Workers that died before their job was closed")
BAD_MESSAGES = Counter("driftloop_training_bad_messages_total", "Messages skipped because they are no record")
RUNNING = Gauge("driftloop_training_running", "1 while a job is being done")
