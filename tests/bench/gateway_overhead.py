"""What the gateway costs, beside the way straight to the upstream in the same run.

    python -m tests.bench.gateway_overhead                    latency added for 1, 4, 16 and 64 callers, whole and
                                                              streamed, recording on (to Apache Kafka) and off; memory
    python -m tests.bench.gateway_overhead --capacity         calls by second and by processor second
    python -m tests.bench.gateway_overhead --streams 1000     what is added to each chunk of many streams at once
    python -m tests.bench.gateway_overhead --flat --seconds 600  memory over a long run
    python -m tests.bench.gateway_overhead --stack [--rate 500]  a steady rate with the whole stack of `driftloop up`

The request has 1 KB, the answer 0.6 KB. Rounds alternate, so that a busy machine burdens all ways; figures are
medians of the rounds.
"""

import argparse
import json
import tempfile
from pathlib import Path

from tests.bench import callers_overhead, stack_overhead
from tests.bench.machine import machine

_CALLERS = (1, 4, 16, 64)


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=500.0, help="calls a second, with --stack")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--stack", action="store_true")
    which.add_argument("--capacity", action="store_true")
    which.add_argument("--streams", type=int, default=0)
    which.add_argument("--flat", action="store_true")
    chosen = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        name, rows = _measured(chosen, Path(folder))
    print(json.dumps({"bench": name, **rows, "machine": before}))


def _measured(chosen: argparse.Namespace, folder: Path) -> tuple[str, dict[str, object]]:
    seconds, rounds = chosen.seconds, chosen.rounds
    if chosen.stack:
        return "stack_overhead", stack_overhead.measure(folder, rate=chosen.rate, seconds=seconds, rounds=rounds)
    if chosen.capacity:
        return "gateway_capacity", callers_overhead.capacity(folder, seconds=seconds, rounds=rounds)
    if chosen.streams:
        return "gateway_streams", callers_overhead.streams(folder, at_once=chosen.streams, seconds=seconds)
    if chosen.flat:
        return "gateway_memory", callers_overhead.flat(folder, seconds=seconds)
    return "gateway_overhead", callers_overhead.measure(folder, callers=_CALLERS, seconds=seconds, rounds=rounds)


if __name__ == "__main__":
    main()
