"""One run of tests.bench.ingest: some workers of a kind on one full log, until it is read, and what they told."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """How far one worker was at a moment (of a clock that all processes share)."""

    worker: int
    at: float
    events: int
    cpu_s: float
    mib: float


def run(kind: str, environment: Mapping[str, str], *, events: int, name: str, workers: int) -> dict[str, float]:
    """Return the figures of a run: events a second of all workers together, and what an event costs.

    Counted from the moment when every worker has dealt with its first events, so that neither the start of
    processes nor the joining of their group counts, to the last word of the first that has none left.

    Raises:
        RuntimeError: A worker ended or fell silent.
    """
    told: queue.Queue[Sample] = queue.Queue()
    with tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "tests.bench.ingest_worker", kind, name]
        children = [
            subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors)
            for _ in range(workers)
        ]
        for number, child in enumerate(children):
            assert child.stdout is not None
            threading.Thread(target=_listen, args=(number, child.stdout, told), daemon=True).start()
        try:
            return figures(_samples(told, events, workers), workers)
        except (queue.Empty, ValueError) as error:
            errors.seek(0)
            raise RuntimeError(f"{kind} said nothing more: {error!r}\n{errors.read().decode()[-2000:]}") from error
        finally:
            for child in children:
                child.kill()
                child.wait()


def figures(samples: list[Sample], workers: int) -> dict[str, float]:
    """Return the figures of what workers told.

    Raises:
        ValueError: Some worker told too little.
    """
    of = [[sample for sample in samples if sample.worker == number] for number in range(workers)]
    begin, end = max(one[0].at for one in of if one), min(one[-1].at for one in of if one)
    spans = [[sample for sample in one if begin <= sample.at <= end] for one in of]
    if not all(len(span) > 1 for span in spans):
        raise ValueError("all events came at once: ask for more")
    counted = sum(span[-1].events - span[0].events for span in spans)
    half = [sample.mib for span in spans for sample in span[len(span) // 2 :]]
    return {
        "events_per_s": round(sum((s[-1].events - s[0].events) / (s[-1].at - s[0].at) for s in spans)),
        "cpu_us_per_event": round(1e6 * sum(s[-1].cpu_s - s[0].cpu_s for s in spans) / counted, 2),
        "peak_mib": max(sample.mib for sample in samples),
        "second_half_growth": round(half[-1] / half[0], 3),
    }


def _samples(told: "queue.Queue[Sample]", events: int, workers: int) -> list[Sample]:
    """Return what was told until as many events are dealt with as the log holds."""
    samples: list[Sample] = []
    far = [0] * workers
    while sum(far) < events:
        sample = told.get(timeout=_PATIENCE_S)
        samples.append(sample)
        far[sample.worker] = sample.events
        if time.monotonic() - sample.at > _PATIENCE_S:
            break
    return samples


def _listen(worker: int, pipe: IO[bytes], told: "queue.Queue[Sample]") -> None:
    for line in pipe:
        told.put(Sample(worker, *json.loads(line)))
