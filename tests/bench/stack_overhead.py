"""What the gateway adds to a call with the whole stack behind it; `tests.bench.gateway_overhead --stack` runs it.

Calls at a steady rate, recording on, straight to the upstream and through the gateway of a `driftloop up` in
turn; sender, upstream and each process of the stack share the machine. The straight figures tell
what the machine and the sender cost, the differences what the gateway adds.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.machine import idle_share, processor_times
from tests.fixtures.ports import free_port
from tests.fixtures.up import Up

_READY_WITHIN_S = 300.0
_FIGURES = ("p50_ms", "p90_ms", "p99_ms", "max_ms")
Round = dict[str, float]


def measure(folder: Path, *, rate: float, seconds: float, rounds: int) -> dict[str, object]:
    """Return medians of the rounds straight and through the gateway, and their differences."""
    with stub_upstream() as upstream:
        configuration = f"apps: [{{name: app, base_model: base, upstreams: ['http://127.0.0.1:{upstream}']}}]"
        with Up(folder, configuration) as stack:
            stack.wait_healthy(_READY_WITHIN_S)
            gateway = stack.ports["gateway"]
            load(gateway, rate, seconds)
            before, straight, through = processor_times(), [], []
            for number in range(1, rounds + 1):
                straight.append(load(upstream, rate, seconds))
                through.append(load(gateway, rate, seconds, first=int(number * rate * seconds)))
            idle = idle_share(before, processor_times())
    medians = {"straight": _medians(straight), "gateway": _medians(through)}
    added = {name: round(medians["gateway"][name] - medians["straight"][name], 3) for name in _FIGURES}
    return {
        "calls_per_s": rate,
        "rounds": rounds,
        **medians,
        "added": added,
        "p99_ms_by_round": {"straight": _each(straight), "gateway": _each(through)},
        "failed": sum(part["failed"] for part in (*straight, *through)),
        "sender_cpu": statistics.median(part["sender_cpu"] for part in (*straight, *through)),
        "idle_share": round(idle, 3),
    }


def load(port: int, rate: float, seconds: float, first: int = 0) -> Round:
    """Return the figures of one run of tests.bench.open_loop, in a process and session of its own."""
    command = [sys.executable, "-m", "tests.bench.open_loop", str(port), str(rate), str(seconds), str(first)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, start_new_session=True)
    return dict(json.loads(done.stdout))


@contextmanager
def stub_upstream() -> Iterator[int]:
    """Run tests.bench.stub_upstream, in a process and session of its own; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.stub_upstream", str(port)]
    with subprocess.Popen(command, start_new_session=True) as process:
        time.sleep(1)
        try:
            yield port
        finally:
            process.kill()


def _medians(parts: list[Round]) -> Round:
    return {name: round(statistics.median(part[name] for part in parts), 3) for name in _FIGURES}


def _each(parts: list[Round]) -> list[float]:
    return [part["p99_ms"] for part in parts]
