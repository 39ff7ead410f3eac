"""How many events a second one worker takes in: the functional windows and the sink, beside bare loops.

    python -m tests.bench.ingest [--events 20000] [--rounds 3] [--broker tansu|kafka]

Events of 1 KB, one a message and a hundred a message. Each round starts every worker in a process of
its own, on a log that is full already, and counts from the moment it begins to read to the moment it
has dealt with the last event. Rounds of workers and baselines alternate, so that a busy machine
burdens all; `cpu_us_per_event` is the worker's own processor time, which a busy machine burdens less.

Baselines: faust, a Faust agent that only decodes, strictly; poll, a kafka-python loop that only polls and
decodes; insert, a clickhouse-connect loop that only inserts the rows that the sink would.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from schemas.settings import Settings, port_variable
from tests.bench.ingest_log import fill
from tests.fixtures.broker import Broker, free_port
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.warehouse import running_warehouse

CONFIGURATION = "apps: [{name: guard, base_model: tiny}]\nwindows: {length: 5s, lateness: 2s}\n"
WORKERS = ("faust", "functional", "poll", "insert", "sink")
RATIOS = (("functional", "faust"), ("sink", "insert"))
_PATIENCE_S = 300

Figures = dict[str, dict[str, float]]


def measure(environment: Mapping[str, str], *, events: int, rounds: int, per_message: int) -> Figures:
    """Return the medians of each worker over the rounds, and the ratios to their baselines."""
    taken: dict[str, list[dict[str, float]]] = {worker: [] for worker in WORKERS}
    for number in range(rounds):
        for worker in WORKERS:
            taken[worker].append(_run(worker, environment, events=events, run=f"{per_message}-{number}"))
    figures: Figures = {
        worker: {name: round(statistics.median(one[name] for one in some), 2) for name in some[0]}
        for worker, some in taken.items()
    }
    for worker, baseline in RATIOS:
        each = [
            ours["events_per_s"] / bare["events_per_s"]
            for ours, bare in zip(taken[worker], taken[baseline], strict=True)
        ]
        cpu = figures[baseline]["cpu_us_per_event"] / figures[worker]["cpu_us_per_event"]
        figures[worker] |= {f"of_{baseline}": round(statistics.median(each), 2), f"cpu_of_{baseline}": round(cpu, 2)}
    return figures


def _run(worker: str, environment: Mapping[str, str], *, events: int, run: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.ingest_worker", worker, str(events), run]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{worker} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(
    broker: Broker | KafkaNode, warehouse: Mapping[str, str], folder: Path, chosen: argparse.Namespace
) -> dict[str, Figures]:
    """Return the figures of single and of batched messages; each gets a log of its own."""
    figures = {}
    for name, per_message in (("single", 1), ("batched", chosen.per_message)):
        broker.start()
        try:
            environment = {
                **broker.environment,
                **warehouse,
                "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
                "DRIFTLOOP_LOG_LEVEL": "WARNING",
            }
            settings = Settings.from_environment({**os.environ, **environment})
            events = chosen.events * (1 if per_message == 1 else chosen.more)
            fill(settings, events=events, per_message=per_message)
            figures[name] = measure(environment, events=events, rounds=chosen.rounds, per_message=per_message)
        finally:
            broker.stop()
    return figures


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    names = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "cpus": os.cpu_count(),
        "cpu": names[0] if names else "unknown",
        "load_average": os.getloadavg()[0],
        "python": sys.version.split()[0],
    }


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="single messages in the log")
    parser.add_argument("--more", type=int, default=5, help="times as many events in batched messages")
    parser.add_argument("--per-message", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--broker", choices=["tansu", "kafka"], default="tansu")
    chosen = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "driftloop.yaml").write_text(CONFIGURATION)
        warehouse = {"DRIFTLOOP_DATA": name, port_variable("warehouse"): str(free_port())}
        broker = KafkaNode(options=("-Xmx512m",)) if chosen.broker == "kafka" else Broker()
        with running_warehouse(warehouse):
            figures = measured(broker, warehouse, folder, chosen)
    print(json.dumps({"bench": "ingest", "broker": chosen.broker, "rounds": chosen.rounds, **before, **figures}))


if __name__ == "__main__":
    main()
