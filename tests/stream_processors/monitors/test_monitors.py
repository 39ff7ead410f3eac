"""The monitors against a real broker: killed while an alert stands, and still one alert and one order."""

from contextlib import closing
from pathlib import Path

import pytest

from schemas.observations import AlertChanged
from schemas.topics import ALERTS_CHANGED, METRICS_WINDOW_CLOSED, RETRAINING_REQUESTED
from services.clients.bus.producer import Producer
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import until
from tests.stream_processors.builders import now_ms, window
from tests.stream_processors.monitors.judged import AHEAD_MS, CONFIGURATION, await_judged
from tests.stream_processors.workers import records, working


@pytest.mark.broker
def test_a_breach_is_one_alert_and_one_order_across_kills_and_resolves_once(broker: Broker, tmp_path: Path) -> None:
    begin = (now_ms() + AHEAD_MS) // 1000 * 1000

    def report(seconds: range, correct: int) -> None:
        with closing(Producer(broker.settings, "windows")) as producer:
            for second in seconds:
                for partition in (0, 1):
                    counters = {"feedback": 10.0, "feedback_correct": correct / 2}
                    place = {"partition": partition, "first": 10 * second, "last": 10 * second + 9}
                    producer.send(window(begin + 1000 * second, **place, counters=counters))
            producer.flush()

    with working("monitors", broker, folder=tmp_path, configuration=CONFIGURATION) as worker:
        report(range(2), 20)
        report(range(2, 5), 10)
        until(lambda: records(broker.settings, ALERTS_CHANGED), every_s=0.25)
        worker.kill()
        report(range(5, 6), 10)
        worker.start()
        report(range(6, 12), 10)
        await_judged(broker.settings, 12)
        worker.kill()
        worker.start()
        report(range(12, 20), 20)
        await_judged(broker.settings, 20)
        assert worker.stop() == 0
    alerts = [record for record in records(broker.settings, ALERTS_CHANGED) if isinstance(record, AlertChanged)]
    assert [alert.state for alert in alerts] == ["firing", "resolved"]
    assert len({alert.alert_id for alert in alerts}) == 1
    assert alerts[0].value == 0.5
    assert alerts[0].breached_at.timestamp() * 1000 == begin + 3000
    assert len(records(broker.settings, RETRAINING_REQUESTED)) == 1
    assert len(records(broker.settings, METRICS_WINDOW_CLOSED)) == 40
