"""How soon is an event a row, and a breach an alert? `python -m tests.bench.latency`.

    python -m tests.bench.latency [--rates 200 1000 3000] [--seconds 30] [--broker kafka|tansu]

At each rate of events (tests.bench.load: responses, feedback, scores), with one functional worker,
monitors, a sink, alerting and a webhook receiver as processes:

    row     an event is handed to the producer -> a query finds its row
    alert   a window in breach ends -> the webhook receiver has the alert;
            the windows' lateness bound, 2 s, is part of it
    resolved  the same for the end of a breach
    idle_share  of the processors meanwhile: near 0 the machine, and whoever else uses it, is what was measured

The baseline is a bare produce -> consume round trip of messages of 1 KB at the same rate, on the same
broker, just before. Windows are of 1 s and answers turn bad every other 2 s, so that alerts are many.
One JSON line comes last.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from schemas.inference import InferenceResponded
from schemas.settings import Settings, port_variable
from schemas.topics import Topic
from services.clients.bus.topics import create_topics
from tests.bench.chaos import Victim
from tests.bench.faults_stack import RestartableBroker, RestartableWarehouse, crew
from tests.bench.latency_probes import percentiles, round_trips, rows_queryable, told_since
from tests.bench.load import command
from tests.bench.load_events import EVENTS_PER_REQUEST, Shape
from tests.bench.machine import idle_share, machine, processor_times
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port

CONFIGURATION = """
apps: [{{name: guard, base_model: tiny}}, {{name: probe, base_model: tiny}}]
windows: {{length: 1s, lateness: 2s, join_horizon: 1m}}
monitors:
  - {{name: errors, app: guard, metric: error.ratio, window: 1s, above: 0.2, min_count: 10}}
  - {{name: slow, app: guard, metric: latency_ms.p95, window: 1s, above: 600, min_count: 10}}
  - {{name: accuracy, app: guard, metric: feedback.accuracy, window: 1s, below: 0.7, min_count: 5}}
  - {{name: canary-errors, app: guard, metric: error.ratio, window: 1s, above: 0.2, min_count: 10, variant: canary}}
  - {{name: canary-slow, app: guard, metric: latency_ms.p95, window: 1s, above: 600, min_count: 10, variant: canary}}
subscriptions:
  - {{name: bench, channel: webhook, url: "http://127.0.0.1:{receiver}/alerts"}}
"""
ROUND_TRIP = Topic("bench.round-trip.v1", InferenceResponded, "request_id", 2)
_WORKERS = ("functional-1", "monitors-1", "sink-1", "receiver-1", "alerting-1")
_PHASE_MS = 2_000
_START_S = 15.0
_WARM_UP_S = 5
_AFTERWARDS_S = 8.0
_BASELINE_S = 5.0


def environment_of(node: KafkaNode | Broker, folder: Path) -> dict[str, str]:
    """Return what every process needs to know."""
    receiver = free_port()
    (folder / "driftloop.yaml").write_text(CONFIGURATION.format(receiver=receiver))
    return {
        **node.environment,
        "DRIFTLOOP_DATA": str(folder / "data"),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        port_variable("receiver"): str(receiver),
        port_variable("warehouse"): str(free_port()),
    }


def at_rate(environment: Mapping[str, str], folder: Path, *, rate: int, seconds: int) -> dict[str, object]:
    """Return the figures of one rate, in seconds."""
    settings = Settings.from_environment(environment)
    baseline = round_trips(settings, ROUND_TRIP.name, rate=rate, seconds=_BASELINE_S)
    begin_ms = (int(time.time()) + 3) * 1000
    shape = Shape(rate, begin_ms, round(rate / EVENTS_PER_REQUEST), _WARM_UP_S + seconds, _PHASE_MS)
    spool = folder / f"load-{rate}"
    load = subprocess.Popen(command(shape, spool), env={**os.environ, **environment})
    try:
        measured_from = begin_ms / 1000 + _WARM_UP_S
        time.sleep(max(0.0, measured_from - time.time()))
        before = processor_times()
        rows = rows_queryable(settings, seconds)
        idle = idle_share(before, processor_times())
        if load.wait(120):
            raise RuntimeError(f"the load at {rate} events/s failed")
    finally:
        load.kill()
    time.sleep(_AFTERWARDS_S)
    told = list(told_since(folder / "data" / "receiver" / "alerts.jsonl", measured_from))
    sent = json.loads((spool / "load.json").read_text())
    made = sum(sent[kind] for kind in ("responses", "feedback", "scores"))
    return {
        "sent_per_s": round(made / shape.seconds),
        "round_trip": percentiles(baseline),
        "row": percentiles(rows),
        "alert": percentiles(one.seconds for one in told if one.state == "firing"),
        "resolved": percentiles(one.seconds for one in told if one.state == "resolved"),
        "load_average": round(os.getloadavg()[0], 1),
        "idle_share": round(idle, 2),
    }


def measured(chosen: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Start everything and return the figures of each rate."""
    node = KafkaNode(options=("-Xmx512m",)) if chosen.broker == "kafka" else Broker()
    environment = environment_of(node, folder)
    figures: dict[str, object] = {}
    with ExitStack() as stack:
        workers = crew(_WORKERS, environment, folder / "logs")
        parts: list[Victim] = [RestartableBroker(node), RestartableWarehouse(environment), *workers.values()]
        for part in parts:
            stack.callback(part.kill)
            part.start()
        create_topics(Settings.from_environment(environment), [ROUND_TRIP])
        time.sleep(_START_S)
        for rate in chosen.rates:
            figures[str(rate)] = at_rate(environment, folder, rate=rate, seconds=chosen.seconds)
            print(f"{rate} events/s: {json.dumps(figures[str(rate)])}", file=sys.stderr, flush=True)
    return figures


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=int, nargs="+", default=[200, 1000, 3000], help="events a second")
    parser.add_argument("--seconds", type=int, default=30, help="at each rate")
    parser.add_argument("--broker", choices=["kafka", "tansu"], default="kafka")
    parser.add_argument("--keep", type=Path, help="an empty folder for logs and data, which then stay")
    chosen = parser.parse_args()
    before = machine()
    with ExitStack() as stack:
        folder = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftloop-latency-")))
        folder.mkdir(parents=True, exist_ok=True)
        figures = measured(chosen, folder)
    print(json.dumps({"bench": "latency", "broker": chosen.broker, "seconds": chosen.seconds, **before, **figures}))


if __name__ == "__main__":
    main()
