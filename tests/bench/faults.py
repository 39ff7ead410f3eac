"""Is anything lost or counted twice while things are killed under load? `python -m tests.bench.faults`.

    python -m tests.bench.faults [--minutes 3] [--rate 1000] [--seed 1] [--broker kafka|tansu] [--keep FOLDER]

Two functional workers, drift, monitors and two sinks run as processes against Apache Kafka and the
ClickHouse engine, under traffic that makes monitors fire and resolve (tests.bench.load). Meanwhile, one at
a time and by a seed: kill -9 of a worker, SIGSTOP of one for 30 s, kill -9 of the broker and of the
warehouse. When all has caught up, the tables are compared, as their readers see them, with what was sent:

    lost               events acknowledged to the sender that a table lacks
    doubled            event ids that readers see more than once
    windows_differ     windows of a series that differ from a recount over the raw rows
    duplicate_alerts   alerts told twice, or that complete windows do not call for
    missing_alerts     alerts that complete windows call for and nobody was told

Exits with 1 unless all are 0. Differences are told on standard error, one JSON line comes last. For
information: `stored_twice` are rows of one message that a sink stored again, which readers see once;
`alerts_revalued` were told of the right window before all of it had come (a stopped worker's share).
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

from schemas.settings import Settings, port_variable
from tests.bench.chaos import Chaos, Kind, Victim, planned
from tests.bench.faults_findings import Findings, findings_of
from tests.bench.faults_settling import wait_until_settled
from tests.bench.faults_stack import RestartableBroker, RestartableWarehouse, Worker, crew
from tests.bench.load import REPORT, command
from tests.bench.load_events import PHASE_MS, Shape
from tests.bench.machine import machine
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port

CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
windows: {length: 5s, lateness: 2s, join_horizon: 1m}
drift: {window: 10s, min_count: 50}
monitors:
  - {name: errors, app: guard, metric: error.ratio, window: 10s, above: 0.2, min_count: 20}
  - {name: slow, app: guard, metric: latency_ms.p95, window: 5s, above: 600, for: 2, min_count: 20}
  - {name: accuracy, app: guard, metric: feedback.accuracy, window: 5s, below: 0.7, for: 2, min_count: 5,
     severity: critical, then: [alert, retrain]}
  - {name: canary-errors, app: guard, metric: error.ratio, window: 5s, above: 0.2, min_count: 20, variant: canary}
  - {name: volume, app: guard, metric: volume.count, window: 5s, below: VOLUME}
  - {name: injections, app: guard, metric: prompt.injection_ratio, window: 10s, above: 0.3, min_count: 5}
"""
_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "kafka": ("kill", "stop", "broker", "warehouse"),
    "tansu": ("kill", "stop", "warehouse"),  # its log lives in memory and would not outlive it
}
# Of the stable version's 3.5 requests in 5 s for each in a second: a window judged by half is below.
_VOLUME = 2.6
_WORKERS = ("functional-1", "functional-2", "drift-1", "monitors-1", "sink-1", "sink-2")
_START_S = 12
_QUIET_END_S = 25
_TELL_EVERY_S = 10


def environment_of(broker: KafkaNode | Broker, folder: Path, rate: int) -> dict[str, str]:
    """Return what every process needs to know."""
    (folder / "driftloop.yaml").write_text(CONFIGURATION.replace("VOLUME", str(round(_VOLUME * rate))))
    return {
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder / "data"),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        port_variable("warehouse"): str(free_port()),
    }


class Run:
    """The load, the workers and the faults, from one thread."""

    def __init__(self, shape: Shape, workers: Mapping[str, Worker], chaos: Chaos, folder: Path) -> None:
        self._shape = shape
        self._workers = workers
        self.chaos = chaos
        self._folder = folder
        self._load: subprocess.Popen[bytes] | None = None

    def drive(self, environment: Mapping[str, str]) -> dict[str, int]:
        """Start the load, do the faults until it has ended, return what it sent.

        Raises:
            RuntimeError: The load did not end well.
        """
        self._load = subprocess.Popen(command(self._shape, self._folder), env={**os.environ, **environment})
        try:
            told_at = 0.0
            while self._load.poll() is None:
                self.tick()
                if time.monotonic() - told_at > _TELL_EVERY_S:
                    told_at = time.monotonic()
                    self._tell()
                time.sleep(0.05)
            self.chaos.end()
        finally:
            self._load.kill()
        sent: dict[str, int] = json.loads((self._folder / REPORT).read_text())
        if self._load.returncode or not sent["done"]:
            raise RuntimeError(f"the load ended with status {self._load.returncode}: {sent}")
        return sent

    def tick(self) -> None:
        """Do what is due."""
        self.chaos.tick(time.time() - self._shape.begin_ms / 1000)
        for worker in self._workers.values():
            worker.mend()

    def _tell(self) -> None:
        file, fault = self._folder / REPORT, self.chaos.current
        sent = json.loads(file.read_text()) if file.exists() else {}
        passed = time.time() - self._shape.begin_ms / 1000
        told = " ".join(f"{name}={sent.get(name, 0)}" for name in ("responses", "feedback", "scores", "on_spool"))
        done = ",".join(f"{kind}:{count}" for kind, count in sorted(self.chaos.done.items()))
        now = f"{fault.kind} {fault.victim}" if fault else "-"
        load = f"{os.getloadavg()[0]:.1f}"
        print(f"{passed:6.0f} s {told} load={load} faults={done or '-'} now={now}", file=sys.stderr, flush=True)


def faulted(chosen: argparse.Namespace, folder: Path) -> tuple[dict[str, object], Findings]:
    """Do one run; return its figures and what the comparison found."""
    node = KafkaNode(options=("-Xmx512m",)) if chosen.broker == "kafka" else Broker()
    environment = environment_of(node, folder, chosen.rate)
    settings = Settings.from_environment(environment)
    workers = crew(_WORKERS, environment, folder / "logs")
    victims: dict[str, Victim] = {
        "broker": RestartableBroker(node),
        "warehouse": RestartableWarehouse(environment),
        **workers,
    }
    with ExitStack() as stack:
        for victim in victims.values():
            stack.callback(victim.kill)
            victim.start()
        shape = Shape(chosen.seed, _next_begin(), chosen.rate, round(60 * chosen.minutes))
        faults = planned(chosen.seed, shape.seconds - _QUIET_END_S, list(workers), _KINDS[chosen.broker])
        chaos = Chaos(faults, victims)
        run = Run(shape, workers, chaos, folder)
        sent = run.drive(environment)
        settled = wait_until_settled(settings, run.tick)
        findings = findings_of(settings, shape, sent)
        figures: dict[str, object] = {
            "sent": {kind: sent[kind] for kind in ("responses", "feedback", "scores")},
            "unacknowledged": sent["unacknowledged"],
            "faults": dict(chaos.done),
            "ended_by_themselves": {name: worker.failures for name, worker in workers.items() if worker.failures},
            "settled": settled.settled,
            "catch_up_s": round(settled.seconds, 1),
            "load_cpu_s": sent["cpu_s"],
        }
    return figures, findings


def _next_begin() -> int:
    """Return the start of a window in a while, so that phases of the traffic begin with windows."""
    step = PHASE_MS // 2
    return (int(1000 * (time.time() + _START_S)) // step + 1) * step


def main() -> None:
    """Run, compare, print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--rate", type=int, default=1000, help="responses a second; feedback and scores come on top")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", choices=["kafka", "tansu"], default="kafka")
    parser.add_argument("--keep", type=Path, help="an empty folder for logs and data, which then stay")
    chosen = parser.parse_args()
    before = machine()
    with ExitStack() as stack:
        folder = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftloop-faults-")))
        folder.mkdir(parents=True, exist_ok=True)
        figures, findings = faulted(chosen, folder)
    findings.tell(sys.stderr)
    asked = {"minutes": chosen.minutes, "rate": chosen.rate, "seed": chosen.seed, "broker": chosen.broker}
    print(json.dumps({"bench": "faults", **asked, **before, **figures, **findings.figures}))
    sys.exit(0 if findings.clean and figures["settled"] and not figures["unacknowledged"] else 1)


if __name__ == "__main__":
    main()
