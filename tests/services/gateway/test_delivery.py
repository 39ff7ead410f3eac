"""From the gateway's answer to Kafka: outages delay, kills lose nothing that was answered."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.learning import Route
from schemas.record import Record
from schemas.topics import INBOUND
from services.clients.bus.decoding import decoded_elements
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from tests.fixtures.broker import Broker, chosen_broker
from tests.fixtures.http import Served
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.services.gateway.conftest import APP, rollout
from tests.services.gateway.echo import BASE_MODEL, Echo

pytestmark = pytest.mark.broker

LOST = "driftloop_spool_lost_total "
WAITING = "driftloop_spool_waiting "


@pytest.fixture
def away() -> Iterator[Broker | KafkaNode]:
    """A broker that a test starts when it wants to."""
    broker = chosen_broker()
    yield broker
    broker.stop()


@contextmanager
def gateway(
    broker: Broker | KafkaNode, upstream: str, data: Path, **variables: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the real process until the block ends; it must then stop cleanly unless it was killed."""
    port = free_port()
    config = data / "driftloop.yaml"
    config.write_text(f"apps: [{{name: {APP}, base_model: {BASE_MODEL}, upstreams: ['{upstream}']}}]")
    environment = {
        **os.environ,
        **broker.environment,
        "DRIFTLOOP_DATA": str(data),
        "DRIFTLOOP_CONFIG": str(config),
        "DRIFTLOOP_GATEWAY_PORT": str(port),
        **variables,
    }
    process = subprocess.Popen([sys.executable, "-m", "services.gateway"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url))
        yield url, process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/healthz", timeout=PATIENCE_S).status_code == 200
    return False


def ask(url: str, text: str) -> httpx.Response:
    return asked(url, [text])[0]


def asked(url: str, texts: Sequence[str]) -> list[httpx.Response]:
    with httpx.Client(timeout=PATIENCE_S) as client:
        bodies = [{"model": APP, "messages": [{"role": "user", "content": text}]} for text in texts]
        return [client.post(f"{url}/v1/chat/completions", json=body) for body in bodies]


def arrived(broker: Broker | KafkaNode, count: int) -> list[Record]:
    """Everything on the inbound topics, once there are `count` of them."""
    found: list[Record] = []
    with closing(Tail(broker.settings, [topic.name for topic in INBOUND])) as tail:

        def more() -> int:
            found.extend(records_in(tail.poll(0.2)))
            return len(found)

        until(more, lambda arrived: arrived >= count and tail.caught_up)
        found.extend(records_in(tail.poll(0.5)))
    return found


def records_in(messages: Sequence[Message]) -> Iterator[Record]:
    for message in messages:
        for verdict in decoded_elements(message):
            assert isinstance(verdict, Record)
            yield verdict


def test_events_of_an_outage_arrive_later_each_once(away: Broker, tmp_path: Path) -> None:
    with Served(Echo().application) as upstream, gateway(away, upstream.url, tmp_path) as (url, _):
        answers = asked(url, [f"question {number}" for number in range(20)])
        assert {answer.status_code for answer in answers} == {200}
        ids = [answer.json()["id"] for answer in answers]
        feedback = [{"request_id": request_id, "label": "safe"} for request_id in ids]
        httpx.post(f"{url}/v1/feedback", json=feedback, timeout=PATIENCE_S).raise_for_status()
        away.start()
        records = arrived(away, 60)
    assert Counter(type(record) for record in records) == {
        InferenceRequested: 20,
        InferenceResponded: 20,
        FeedbackGiven: 20,
    }
    assert set(Counter(record.event_id for record in records).values()) == {1}
    assert {r.request_id for r in records if isinstance(r, InferenceResponded)} == set(ids)


def test_a_long_outage_fills_the_spool_to_its_bound_counts_what_is_dropped_and_holds_no_call(
    away: Broker | KafkaNode, tmp_path: Path
) -> None:
    bound, calls = 8 * 2**20, 150
    with (
        Served(Echo().application) as upstream,
        gateway(away, upstream.url, tmp_path, DRIFTLOOP_SPOOL_BYTES=str(bound)) as (url, _),
    ):
        # Nothing leaves the spool meanwhile: a call that waited for room in it would not be answered.
        answers = asked(url, [f"{number} " + "x" * 40_000 for number in range(calls)])
        assert {answer.status_code for answer in answers} == {200}
        on_disk = sum(path.stat().st_size for path in (tmp_path / "gateway" / "spool").iterdir())
        lost = metric(url, LOST)
        assert bound / 2 < on_disk <= bound
        assert lost > 0
        away.start()
        records = arrived(away, 2 * calls - lost)
        assert metric(url, LOST) == lost
    assert len({record.event_id for record in records}) == len(records) == 2 * calls - lost
    newest = answers[-1].json()["id"]
    assert newest in {record.request_id for record in records if isinstance(record, InferenceResponded)}


def metric(url: str, name: str) -> int:
    """Return what a gateway says of itself."""
    lines = httpx.get(f"{url}/metrics", timeout=PATIENCE_S).text.splitlines()
    (value,) = [line.removeprefix(name) for line in lines if line.startswith(name)]
    return int(float(value))


def test_a_killed_gateway_loses_no_answered_call(away: Broker, tmp_path: Path) -> None:
    with Served(Echo().application) as upstream:
        with gateway(away, upstream.url, tmp_path) as (url, process):
            ids = [answer.json()["id"] for answer in asked(url, [f"question {number}" for number in range(10)])]
            process.kill()
            process.wait()
        away.start()
        with gateway(away, upstream.url, tmp_path):
            records = arrived(away, 20)
    assert {r.request_id for r in records if isinstance(r, InferenceResponded)} == set(ids)
    assert set(Counter(record.event_id for record in records).values()) == {1}


def test_a_broker_that_goes_and_comes_back_is_used_again(broker: Broker, tmp_path: Path) -> None:
    with Served(Echo().application) as upstream, gateway(broker, upstream.url, tmp_path) as (url, _):
        ask(url, "before")
        before = arrived(broker, 2)
        broker.stop()
        ask(url, "during")
        until(lambda: metric(url, WAITING), equals(2))
        broker.start()
        ask(url, "after")
        kept = before if broker.settings.broker == "kafka" else []  # the light broker restarts empty
        records = arrived(broker, 4 + len(kept))
    assert {r.prompt for r in before if isinstance(r, InferenceResponded)} == {"before"}
    news = {r.prompt for r in records if isinstance(r, InferenceResponded) and r not in kept}
    assert news == {"during", "after"}


def test_rollouts_reach_the_routes_and_outlive_the_broker(broker: Broker, tmp_path: Path) -> None:
    change = rollout(Route(adapter_version="v9", variant="stable", weight=1.0), sequence=5)
    with Served(Echo(["v9", BASE_MODEL]).application) as upstream:
        with gateway(broker, upstream.url, tmp_path) as (url, _):
            assert ask(url, "x").headers["x-driftloop-adapter-version"] == ""
            with closing(Producer(broker.settings, "test")) as producer:
                producer.send(change)
                producer.flush()
            until(lambda: ask(url, "x").headers["x-driftloop-adapter-version"], equals("v9"))
        broker.stop()
        with gateway(broker, upstream.url, tmp_path) as (url, _):
            assert ask(url, "x").headers["x-driftloop-adapter-version"] == "v9"
    broker.start()


def test_a_busy_port_is_one_line_and_status_two(tmp_path: Path) -> None:
    (tmp_path / "driftloop.yaml").write_text("apps: [{name: a, base_model: b}]")
    with Served(Echo().application) as other:
        environment = {
            **os.environ,
            "DRIFTLOOP_DATA": str(tmp_path),
            "DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml"),
            "DRIFTLOOP_GATEWAY_PORT": str(other.port),
        }
        done = subprocess.run(
            [sys.executable, "-m", "services.gateway"], env=environment, capture_output=True, text=True
        )
    assert done.returncode == 2
    expected = f"gateway: port {other.port} is taken; set DRIFTLOOP_GATEWAY_PORT to a free one"
    assert done.stderr.strip() == expected
