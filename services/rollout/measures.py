"""What the rollout controller tells Prometheus."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.rollout.controller import Controller


class RolloutMeasures(Collector):
    """driftloop_rollout_sequence, driftloop_rollout_active and driftloop_rollout_bad_messages_total."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.bad_messages = 0

    def collect(self) -> Iterable[Metric]:
        """Read the controller at the moment of the scrape."""
        sequence = GaugeMetricFamily("driftloop_rollout_sequence", "Number of the app's last change.", labels=["app"])
        active = GaugeMetricFamily(
            "driftloop_rollout_active", "1 while a rollout is in a state.", labels=["app", "state"]
        )
        for app, lane in tuple(self._controller.lanes.items()):
            sequence.add_metric([app], lane.sequence)
            if lane.active:
                active.add_metric([app, str(lane.active.state)], 1)
        yield from (sequence, active)
        yield CounterMetricFamily(
            "driftloop_rollout_bad_messages", "Messages skipped as undecodable.", self.bad_messages
        )
