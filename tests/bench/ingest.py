"""How many events a second workers take in: the functional windows and the sink, beside bare loops.

    python -m tests.bench.ingest [--events 120000] [--rounds 3] [--workers 1 2] [--flat 2000000] [--broker kafka|tansu]

Events of 1 KB, one a message and a hundred a message. Each round starts the workers in processes of
their own, on a log that is full already. Rounds of workers and baselines alternate, so that a busy machine
burdens all; `cpu_us_per_event` is the workers' own processor time, which a busy machine burdens less.

Baselines: faust, a Faust agent that only decodes, strictly; poll, a kafka-python loop that only polls and
decodes; insert, a clickhouse-connect loop that only inserts blocks of the rows that the sink would.

With --flat, functional and sink also read a log of so many batched events once; `second_half_growth` is their
memory at the end over that halfway.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schemas.settings import Settings, port_variable
from tests.bench.ingest_log import fill
from tests.bench.ingest_run import run
from tests.bench.machine import machine
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.warehouse import running_warehouse

# The horizon of feedback is short, so that its bound is reached within the log of --flat.
CONFIGURATION = "apps: [{name: guard, base_model: tiny}]\nwindows: {length: 5s, lateness: 2s, join_horizon: 10s}\n"
WORKERS = ("faust", "functional", "poll", "insert", "sink")
LEAST_INSERTED = 400_000
RATIOS = (("functional", "faust"), ("sink", "insert"))

Figures = dict[str, dict[str, float]]


def measure(environment: Mapping[str, str], chosen: argparse.Namespace, *, events: int, label: str) -> Figures:
    """Return the medians of each kind of worker over the rounds, and the ratios to their baselines."""
    workers = int(label.rsplit("-", 1)[1])
    taken: dict[str, list[dict[str, float]]] = {kind: [] for kind in WORKERS}
    # A bare poll loop reads all of the log, whatever another reads; a bare insert loop has no end.
    asked = {"poll": events * workers, "insert": max(events, LEAST_INSERTED)}
    for number in range(chosen.rounds):
        for kind in WORKERS:
            name = f"{label}-{number}"
            taken[kind].append(run(kind, environment, events=asked.get(kind, events), name=name, workers=workers))
    figures: Figures = {
        kind: {name: round(statistics.median(one[name] for one in some), 2) for name in some[0]}
        for kind, some in taken.items()
    }
    for kind, baseline in RATIOS:
        each = [
            ours["events_per_s"] / bare["events_per_s"] for ours, bare in zip(taken[kind], taken[baseline], strict=True)
        ]
        cpu = figures[baseline]["cpu_us_per_event"] / figures[kind]["cpu_us_per_event"]
        figures[kind] |= {f"of_{baseline}": round(statistics.median(each), 2), f"cpu_of_{baseline}": round(cpu, 2)}
    print(f"{label}: {json.dumps(figures)}", flush=True)
    return figures


def measured(environment: Mapping[str, str], chosen: argparse.Namespace) -> dict[str, Figures]:
    """Return the figures of single and of batched messages, by number of workers; each log is a new one."""
    figures = {}
    for name, per_message in (("single", 1), ("batched", chosen.per_message)):
        events = chosen.events * (1 if per_message == 1 else chosen.more)
        with _filled(chosen.broker, environment, events=events, per_message=per_message) as found:
            for workers in chosen.workers:
                label = f"{name}-{workers}"
                figures[label] = measure(found, chosen, events=events, label=label)
    if chosen.flat:
        with _filled(chosen.broker, environment, events=chosen.flat, per_message=chosen.per_message) as found:
            figures["flat"] = {
                kind: run(kind, found, events=chosen.flat, name="flat-1", workers=1) for kind in ("functional", "sink")
            }
    return figures


@contextmanager
def _filled(name: str, environment: Mapping[str, str], *, events: int, per_message: int) -> Iterator[dict[str, str]]:
    """Run a new broker with a full log; yield what leads to it."""
    broker = KafkaNode(options=("-Xmx512m",)) if name == "kafka" else Broker()
    broker.start()
    try:
        found = {**broker.environment, **environment}
        fill(Settings.from_environment({**os.environ, **found}), events=events, per_message=per_message)
        yield found
    finally:
        broker.stop()


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=120_000, help="single messages in the log")
    parser.add_argument("--more", type=int, default=4, help="times as many events in batched messages")
    parser.add_argument("--per-message", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="of each kind at once")
    parser.add_argument("--flat", type=int, default=0, help="events of the log that memory is watched over")
    parser.add_argument("--broker", choices=["kafka", "tansu"], default="kafka")
    chosen = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as name:
        configuration = Path(name) / "driftloop.yaml"
        configuration.write_text(CONFIGURATION)
        warehouse = {"DRIFTLOOP_DATA": name, port_variable("warehouse"): str(free_port())}
        environment = {**warehouse, "DRIFTLOOP_CONFIG": str(configuration), "DRIFTLOOP_LOG_LEVEL": "WARNING"}
        with running_warehouse(warehouse):
            figures = measured(environment, chosen)
    print(json.dumps({"bench": "ingest", "broker": chosen.broker, "rounds": chosen.rounds, **before, **figures}))


if __name__ == "__main__":
    main()
