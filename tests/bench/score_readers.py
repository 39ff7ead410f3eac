"""What the scores of a call cost those who read them: monitors and drift, in processor time.

    python -m tests.bench.score_readers [--calls 20000] [--rounds 3]

The same scores, six a call, lie in one log as they travel, a message of each scoring process, and in another
as messages of one score each. A processor reads each log from its beginning in a process of its own; its
processor time is counted from the first tenth to the end. Microseconds a call, medians of the rounds.
"""

import argparse
import json
import random
import re
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from schemas.ids import time_ordered_id
from schemas.observations import RecordedScore, ScoresRecorded
from services.clients.bus.errors import BufferFull
from services.clients.bus.producer import Producer
from tests.bench.machine import machine
from tests.fixtures.kafka import KafkaNode
from tests.stream_processors.workers import Worker

READERS = ("monitors", "drift")
SHAPES = {"one message a process": False, "one message a score": True}
CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
windows: {length: 5s, lateness: 2s}
monitors:
  - {name: unsafe, app: guard, metric: prompt.harm_ratio, window: 10s, above: 0.5}
  - {name: far, app: guard, metric: prompt.distance.mean, window: 10s, above: 0.5}
"""
OF_PROCESS = {
    "safety": ("prompt.injection", "prompt.harm", "prompt.pii", "response.harm", "response.pii"),
    "quality": ("prompt.distance",),
}
A_SECOND = 500
PATIENCE_S = 300.0
_HANDLED = re.compile(r"^driftloop_handled_total\{.*scores\.recorded.*\} (\S+)$", re.MULTILINE)


def messages(calls: int, rng: random.Random, *, singly: bool) -> Iterator[ScoresRecorded]:
    """Yield the scores of calls, the last of which was made just now."""
    began = datetime.now(UTC) - timedelta(seconds=calls / A_SECOND)
    for number in range(calls):
        at = began + timedelta(seconds=number / A_SECOND)
        for names in OF_PROCESS.values():
            scores = tuple(_score(name, rng) for name in names)
            for some in ((score,) for score in scores) if singly else (scores,):
                yield ScoresRecorded(
                    event_id=time_ordered_id(round(at.timestamp() * 1000), rng.randbytes(10)),
                    occurred_at=at,
                    app="guard",
                    model="SmolLM2-135M-Instruct",
                    adapter_version=("guard-v1", "guard-v2")[number % 2],
                    request_id=f"chatcmpl-{number}",
                    scores=some,
                )


def _score(name: str, rng: random.Random) -> RecordedScore:
    value = rng.random()
    label = "" if name.endswith(("pii", "distance")) else "unsafe" if value > 0.9 else "safe"
    return RecordedScore(name=name, value=value, label=label, scorer="injection-head@22bf55e0d13c", latency_ms=0.1234)


def fill(broker: KafkaNode, calls: int, *, singly: bool) -> int:
    """Write the scores of calls to the log and return how many messages they are."""
    count = 0
    with closing(Producer(broker.settings, "bench")) as producer:
        for message in messages(calls, random.Random(1), singly=singly):
            count += 1
            while True:
                try:
                    producer.send(message)
                    break
                except BufferFull:
                    producer.flush(120)
        producer.flush(120)
    return count


def cpu_us(name: str, broker: KafkaNode, calls: int, count: int) -> float:
    """Return the processor microseconds a call that a processor takes to read a log of `count` messages."""
    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(name, broker, folder=Path(folder), configuration=CONFIGURATION)
        worker.start()
        try:
            first, last = _watched(worker, count)
        finally:
            worker.kill()
    share = (last[0] - first[0]) / count
    return 1e6 * (last[1] - first[1]) / (share * calls)


def _watched(worker: Worker, count: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return messages handled and processor seconds, past the first tenth and at the end."""
    process, deadline, first = psutil.Process(worker.pid), time.monotonic() + PATIENCE_S, None
    while time.monotonic() < deadline:
        at = _handled(worker), sum(process.cpu_times()[:2])
        if first is None and at[0] >= count / 10:
            first = at
        if first is not None and at[0] >= count:
            return first, at
        time.sleep(0.02)
    raise TimeoutError(f"read {_handled(worker):.0f} of {count} messages\n{worker.log()[-2000:]}")


def _handled(worker: Worker) -> float:
    with suppress(OSError), urllib.request.urlopen(f"{worker.url}/metrics", timeout=5) as answer:
        return sum(float(value) for value in _HANDLED.findall(answer.read().decode()))
    return 0.0


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    before = machine()
    taken: dict[str, dict[str, list[float]]] = {shape: {name: [] for name in READERS} for shape in SHAPES}
    for number in range(chosen.rounds):
        for shape, singly in SHAPES.items():
            broker = KafkaNode(options=("-Xmx512m",))
            broker.start()
            try:
                count = fill(broker, chosen.calls, singly=singly)
                for name in READERS:
                    taken[shape][name].append(cpu_us(name, broker, chosen.calls, count))
                    print(f"round {number}, {shape}, {name}: {taken[shape][name][-1]:.0f} µs a call", flush=True)
            finally:
                broker.stop()
    figures = {
        shape: {name: round(statistics.median(some), 1) for name, some in of_reader.items()}
        for shape, of_reader in taken.items()
    }
    print(json.dumps({"bench": "score_readers", **before, "cpu_us_per_call": figures}))


if __name__ == "__main__":
    main()
