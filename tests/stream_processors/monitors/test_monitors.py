"""The monitors against a real broker: killed while an alert stands, and still one alert and one order."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.observations import AlertChanged
from schemas.settings import Settings
from schemas.topics import ALERTS_CHANGED, METRICS_WINDOW_CLOSED, RETRAINING_REQUESTED, Topic
from services.clients.bus.producer import Producer
from tests.fixtures.broker import Broker
from tests.stream_processors.builders import now_ms, window
from tests.stream_processors.workers import records, working

CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
windows: {length: 1s, lateness: 1s}
monitors:
  - {name: accuracy-drop, app: guard, metric: feedback.accuracy, window: 1s, below: 0.8, for: 2, min_count: 10,
     severity: critical, then: [alert, retrain]}
"""


def until(settings: Settings, topic: Topic, enough: Callable[[int], bool], *, within_s: float = 30) -> int:
    """Wait for enough records in a topic and return how many there are."""
    deadline = time.monotonic() + within_s
    while not enough(found := len(records(settings, topic))) and time.monotonic() < deadline:
        time.sleep(0.25)
    return found


@pytest.mark.broker
def test_a_breach_is_one_alert_and_one_order_across_kills_and_resolves_once(broker: Broker, tmp_path: Path) -> None:
    producer = Producer(broker.settings, "windows")
    begin = now_ms() // 1000 * 1000

    def report(second: int, correct: int) -> None:
        for partition in (0, 1):
            counters = {"feedback": 10.0, "feedback_correct": correct / 2}
            first, last = 10 * second, 10 * second + 9
            start = begin + 1000 * second
            producer.send(window(start, partition=partition, first=first, last=last, counters=counters))
        producer.flush()

    with working("monitors", broker, folder=tmp_path, configuration=CONFIGURATION) as worker:
        for second, correct in enumerate([20, 20, 10, 10, 10]):
            report(second, correct)
        assert until(broker.settings, ALERTS_CHANGED, lambda found: found >= 1) == 1
        worker.kill()
        report(5, 10)
        worker.start()
        report(6, 10)
        time.sleep(10)
        worker.kill()
        worker.start()
        report(7, 20)
        until(broker.settings, ALERTS_CHANGED, lambda found: found >= 2)
        time.sleep(2)
        assert worker.stop() == 0
    producer.close()
    alerts = [record for record in records(broker.settings, ALERTS_CHANGED) if isinstance(record, AlertChanged)]
    assert [alert.state for alert in alerts] == ["firing", "resolved"]
    assert len({alert.alert_id for alert in alerts}) == 1
    assert alerts[0].value == 0.5
    assert alerts[0].breached_at.timestamp() * 1000 == begin + 3000
    assert len(records(broker.settings, RETRAINING_REQUESTED)) == 1
    assert len(records(broker.settings, METRICS_WINDOW_CLOSED)) == 16
