"""Does safety keep up with 200 answers a second with the cascade on, in memory that does not grow?

    python -m tests.bench.safety_throughput [--rate 200] [--minutes 10] [--calls-per-minute 600] [--data FOLDER]

A real Kafka gets answers to real prompts at a steady rate; `safety` scores all of them, `guard` judges what the
heads find suspicious and a sample of the rest with a tiny random model. Every ten seconds the lag of both groups
and their resident memory are read. Prints one JSON line; ends with 1 where at the end safety or the guard is
more than ten seconds of traffic behind, or memory of the second half grows by more than 1 MiB a minute.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from schemas.cascade import SamplingChanged
from schemas.ids import time_ordered_id
from schemas.inference import InferenceResponded, Message
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.record import Record
from schemas.settings import Settings, port_variable
from schemas.topics import SAMPLING_CHANGED, SCORES_RECORDED, Topic
from schemas.weighted_rates import WeightedSums, hajek
from services.clients.bus.patience import patiently
from services.clients.bus.producer import Producer
from services.clients.bus.topics import consumer_lag
from services.scorers.corpora import harm_corpus
from services.scorers.prompts import PromptScorers
from stream_processors.frame.history import records_of
from tests.bench.machine import idle_share, machine, processor_times
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port

GROUPS = ("safety", "guard")
SAMPLE_S, BEHIND_S, GROWTH_MIB = 10.0, 10.0, 1.0
READY_WITHIN_S, STOPPED_WITHIN_S = 600.0, 60.0
CONFIGURATION = """
apps: [{{name: app, base_model: base}}]
scorers:
  - name: tiny-guard
    process: guard
    entry_point: "tests.bench.tiny_guard:make"
    measures: [{{name: response.tiny-guard, flagged: unsafe}}]
    cascade: {{rest: 0.05, calls_per_minute: {calls}}}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one group at a moment."""

    at_s: float
    lag: int
    mib: float


class Sender(threading.Thread):
    """Sends answers at a steady rate until it is told to stop."""

    def __init__(self, settings: Settings, rate: float) -> None:
        super().__init__(name="sender", daemon=True)
        self.sent = 0
        self._settings, self._rate = settings, rate
        self._stopping = threading.Event()

    def run(self) -> None:
        """Send; what a late moment missed is made up for."""
        dice = random.Random(5)
        texts = [example.text for example in harm_corpus().train]
        began = time.monotonic()
        with closing(Producer(self._settings, "bench")) as producer:
            while not self._stopping.wait(0.02):
                for _ in range(int((time.monotonic() - began) * self._rate) - self.sent):
                    producer.send(answer_of(self.sent, dice.choice(texts), dice))
                    self.sent += 1
            producer.flush()

    def stop(self) -> None:
        """Stop, and return when all is sent."""
        self._stopping.set()
        self.join()


def answer_of(number: int, text: str, dice: random.Random) -> InferenceResponded:
    """Return an answer to a prompt, given now."""
    at = datetime.now(UTC)
    return InferenceResponded(
        event_id=time_ordered_id(round(at.timestamp() * 1000), dice.randbytes(10)),
        occurred_at=at,
        app="app",
        request_id=f"bench-{number}",
        messages=(Message(role="user", content=text),),
        output=Message(role="assistant", content=f"This is what I know of it: {text[::-1]}"),
    )


@contextmanager
def processor(name: str, environment: dict[str, str], folder: Path) -> Iterator[psutil.Process]:
    """Run a processor until the block is left."""
    command = [sys.executable, "-m", "stream_processors", name]
    with (folder / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            try:
                child.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def lags(settings: Settings) -> dict[str, int]:
    """Return how many answers each group has not committed yet."""
    found = dict.fromkeys(GROUPS, 0)
    for lag in patiently(consumer_lag, settings):
        if lag.group in found:
            found[lag.group] += lag.lag
    return found


def observe(settings: Settings, processes: dict[str, psutil.Process], seconds: float) -> dict[str, list[Sample]]:
    """Sample both groups for a while."""
    found: dict[str, list[Sample]] = {name: [] for name in processes}
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        time.sleep(SAMPLE_S)
        lag = lags(settings)
        for name, process in processes.items():
            mib = process.memory_info().rss / 2**20
            found[name].append(Sample(time.monotonic() - began, lag[name], mib))
    return found


def figures(samples: list[Sample], busy_s: float, rate: float) -> dict[str, float]:
    """Return a group's figures; growth is that of a line through the second half."""
    half = samples[len(samples) // 2 :]
    slope = np.polyfit([one.at_s for one in half], [one.mib for one in half], 1)[0] if len(half) > 1 else 0.0
    return {
        "lag_s_end": round(samples[-1].lag / rate, 2),
        "lag_s_max": round(max(one.lag for one in samples) / rate, 2),
        "mib_end": round(samples[-1].mib),
        "mib_growth_per_min": round(60 * float(slope), 3),
        "cpu_share": round(busy_s / samples[-1].at_s, 3),
    }


def judged(settings: Settings) -> dict[str, object]:
    """Return what the guard did, as the log tells it."""
    scores = list(_scores(records_of(settings, SCORES_RECORDED)))
    changes = _changes(settings, SAMPLING_CHANGED)
    sums = WeightedSums()
    for score in scores:
        if score.value is not None:
            sums.add(hit=score.label == "unsafe", probability=score.sampling_probability)
    rate = hajek(sums) if sums.count else None
    return {
        "judged": len(scores),
        "stand_for": round(sums.weight),
        "rate": [round(value, 4) for value in (rate.rate, rate.low, rate.high)] if rate else None,
        "changes": len(changes),
        "chances_end": [round(changes[-1].suspicious, 4), round(changes[-1].rest, 4)] if changes else None,
    }


def _scores(records: list[Record]) -> Iterator[RecordedScore]:
    for record in records:
        if isinstance(record, ScoresRecorded):
            yield from (score for score in record.scores if score.scorer.startswith("tiny-guard@"))


def _changes(settings: Settings, topic: Topic) -> list[SamplingChanged]:
    return [record for record in records_of(settings, topic) if isinstance(record, SamplingChanged)]


def measure(folder: Path, *, rate: float, minutes: float, calls: float) -> dict[str, object]:
    """Return the figures of a run."""
    (folder / "driftloop.yaml").write_text(CONFIGURATION.format(calls=calls))
    PromptScorers.load(folder)  # fitted before anyone waits for them
    broker = KafkaNode()
    broker.start()
    ports = {port_variable(name): str(free_port()) for name in GROUPS}
    environment = {
        **broker.environment,
        **ports,
        "DRIFTLOOP_DATA": str(folder),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    try:
        with ExitStack() as stack:
            processes = {name: stack.enter_context(processor(name, environment, folder)) for name in GROUPS}
            sender = Sender(broker.settings, rate)
            sender.start()
            _until_both_read(broker.settings, processes)
            began = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
            idle = processor_times()
            samples = observe(broker.settings, processes, 60 * minutes)
            free = idle_share(idle, processor_times())
            busy = {name: sum(process.cpu_times()[:2]) - began[name] for name, process in processes.items()}
            sender.stop()
        told = {name: figures(samples[name], busy[name], rate) for name in GROUPS}
        return {"sent": sender.sent, **told, "guarded": judged(broker.settings), "idle_share": round(free, 3)}
    finally:
        broker.stop()


def _until_both_read(settings: Settings, processes: dict[str, psutil.Process]) -> None:
    """Wait until both groups have committed something and are less than ten seconds behind, or end in an error."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        time.sleep(1)
        if dead := [name for name, process in processes.items() if process.status() == psutil.STATUS_ZOMBIE]:
            raise RuntimeError(f"{dead[0]} ended")
        if {lag.group for lag in patiently(consumer_lag, settings)} >= set(GROUPS):
            return
    raise TimeoutError("safety and guard did not begin")


def main() -> None:
    """Run and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="answers a second")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--calls-per-minute", type=float, default=600.0, help="the guard's budget")
    parser.add_argument("--data", type=Path, help="folder that may hold fitted heads already; none means a new one")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="driftloop-bench-") as folder:
        data = wanted.data or Path(folder)
        told = measure(data, rate=wanted.rate, minutes=wanted.minutes, calls=wanted.calls_per_minute)
    groups = [told[name] for name in GROUPS]
    good = all(
        isinstance(one, dict) and one["lag_s_end"] <= BEHIND_S and one["mib_growth_per_min"] <= GROWTH_MIB
        for one in groups
    )
    asked = {"rate": wanted.rate, "minutes": wanted.minutes, "calls_per_minute": wanted.calls_per_minute}
    print(json.dumps({"bench": "safety_throughput", **asked, **told, "good": good, "machine": machine()}))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
