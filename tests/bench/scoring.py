"""What a call costs the scorers, in processor time: the larger part of a deployment's bill.

    python -m tests.bench.scoring [--calls 2000] [--rounds 5]

Responses of 1 KB, each prompt and answer distinct, in the batches that the processors take. `safety` and
`quality` are the standard scorers of each, quality's with a reference; `embed`, the prompts' embedding alone,
is the baseline of both. Microseconds a call, medians of the rounds.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.inference import InferenceResponded
from services.scorers.adapters.heads import prompt_scorers
from services.scorers.catalogue import entries_for, load_all, process_of
from services.scorers.embedding import Embedder
from services.scorers.reference import build_reference
from services.scorers.workshop import Workshop
from stream_processors.scoring import quality, safety
from stream_processors.scoring.panels import Panel, Seat
from tests.bench.ingest_log import responses
from tests.bench.machine import machine

Score = Callable[[Sequence[InferenceResponded]], object]


def cpu_us(calls: Sequence[InferenceResponded], score: Score, *, batch: int) -> float:
    """Return the processor microseconds a call takes, all threads of this process together."""
    began = time.process_time()
    for start in range(0, len(calls), batch):
        score(calls[start : start + batch])
    return 1e6 * (time.process_time() - began) / len(calls)


def panel_of(process: str, workshop: Workshop) -> Panel:
    """Return a process's panel of the standard scorers."""
    loaded, _ = load_all((entry for entry in entries_for((), "guard") if process_of(entry) == process), workshop)
    return Panel(process, [Seat(scorer) for _, scorer in loaded])


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    before = machine()
    dice = random.Random(1)
    # Others in each round: what a scorer remembers of a text would flatter it.
    rounds = [list(responses(chosen.calls, dice)) for _ in range(chosen.rounds + 1)]
    calls = rounds.pop()
    embedder = Embedder.load()
    prompts = [call.prompt for call in calls]
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), Path(folder), lambda app, version: reference)
        reference = build_reference("guard-v1", prompts[::2], prompts[1::2], prompt_scorers(workshop))
        panels = {process: panel_of(process, workshop) for process in ("safety", "quality")}
    kinds: dict[str, tuple[Score, int]] = {
        "embed": (lambda some: embedder.embed([call.prompt for call in some]), quality.BATCH),
        "quality": (panels["quality"].score, quality.BATCH),
        "safety": (panels["safety"].score, safety.BATCH),
    }
    for score, batch in kinds.values():
        cpu_us(calls[:200], score, batch=batch)
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for some in rounds:
        for name, (score, batch) in kinds.items():
            taken[name].append(cpu_us(some, score, batch=batch))
    figures = {name: round(statistics.median(times), 1) for name, times in taken.items()}
    print(json.dumps({"bench": "scoring", **before, "cpu_us_per_call": figures}))


if __name__ == "__main__":
    main()
