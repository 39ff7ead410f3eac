"""What all cheap scorers together cost a call, in processor time: `python -m tests.bench.cheap_scorers [--calls 1000]`.

Calls are those of `tests.bench.behaviour`, no two alike: packaged questions with the long answers of language models,
and messages between people. Every scorer of the catalogue that is cheap sees every call, in the batches that the
processors take, over one workshop, so that what one of them makes of a text is there for the others as it is in a
deployment. One JSON line: microseconds of processor a call (the least of the rounds, each on calls that were never
seen), the calls a second that two cores have time for, and each scorer's part.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

from schemas.configuration import ScorerEntry
from services.scorers.catalogue import CATALOGUE, load_all
from services.scorers.contract import Scorer, Subject
from services.scorers.workshop import Workshop
from tests.bench.behaviour import calls
from tests.bench.machine import machine

BATCH = 64
CORES = 2


def cheap_scorers(workshop: Workshop) -> list[Scorer]:
    """Return every scorer of the catalogue that is cheap, in its order."""
    loaded, lacking = load_all((ScorerEntry(name=listing.name) for listing in CATALOGUE), workshop)
    if lacking:
        raise SystemExit("; ".join(map(str, lacking)))
    return [scorer for _, scorer in loaded if scorer.card.cost == "cheap"]


def batches(subjects: Sequence[Subject]) -> Iterator[Sequence[Subject]]:
    """Yield the batches that a processor takes."""
    for start in range(0, len(subjects), BATCH):
        yield subjects[start : start + BATCH]


def spent(scorers: Sequence[Scorer], subjects: Sequence[Subject]) -> dict[str, float]:
    """Return each scorer's processor seconds, all threads of this process together."""
    taken = dict.fromkeys((scorer.card.name for scorer in scorers), 0.0)
    for batch in batches(subjects):
        for scorer in scorers:
            began = time.process_time()
            scorer.score(batch)
            taken[scorer.card.name] += time.process_time() - began
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        scorers = cheap_scorers(Workshop(Path(folder), Path(folder), lambda app, version: None))
    spent(scorers, calls(BATCH, 0))
    rounds = [calls(chosen.calls, seed) for seed in range(1, chosen.rounds + 1)]
    least = min((spent(scorers, subjects) for subjects in rounds), key=lambda taken: sum(taken.values()))
    a_call = sum(least.values()) / chosen.calls
    told = {
        "bench": "cheap_scorers",
        "scorers": len(scorers),
        "cpu_us_a_call": round(1e6 * a_call),
        "calls_s_on_2_cores": round(CORES / a_call),
        "us": {name: round(1e6 * seconds / chosen.calls) for name, seconds in least.items()},
        "prompt_characters": round(mean(len(subject.prompt) for some in rounds for subject in some)),
        "answer_characters": round(mean(len(subject.answer) for some in rounds for subject in some)),
        "calls": chosen.calls,
        **before,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
