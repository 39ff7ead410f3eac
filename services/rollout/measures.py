"""What the rollout controller tells Prometheus."""

from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services.parts.runtime.metrics import gauged
from services.rollout.controller import Controller


class RolloutMeasures(Collector):
    """Where each app's rollout stands."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def collect(self) -> Iterable[Metric]:
        """Read the controller at the moment of the scrape."""
        lanes = tuple(self._controller.lanes.items())
        yield gauged("driftloop_rollout_sequence", [((app,), lane.sequence) for app, lane in lanes])
        active = [((app, str(lane.active.state)), 1.0) for app, lane in lanes if lane.active]
        yield gauged("driftloop_rollout_active", active)
