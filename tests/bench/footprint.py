"""What the stack of a user with a model server of her own holds, process by process.

    python -m tests.bench.footprint [--calls 500]

`driftloop up` runs twice on one folder: the first time sets up (tables, scorers' heads), the second is what
`ready_s` tells. Memory is read twice, when all is well and after some traffic, because some of it is only
taken by what is used. PSS counts a page that n processes share as a n-th of it for each, so the sum is what the machine
misses; RSS counts it for each in full. One line of JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.bench.machine import machine
from tests.fixtures.ports import free_port
from tests.fixtures.up import Up

APP = "support-bot"
_READY_WITHIN_S = 300.0
_SETTLE_S = 15.0
# What they start has rows of its own.
_PARENTS_OF_ALL = ("up", "supervisor")
_PROMPT = "Where is my parcel {number}? Write to jane.doe{number}@example.com or call +44 20 7946 0{number:03d}."


def own_server_configuration(upstream: str) -> str:
    """Return the file of a user who has her own model server, of the README's size."""
    return f"""
apps:
  - {{name: {APP}, base_model: my-base, upstreams: ["{upstream}"]}}
monitors:
  - {{name: answers-fail, app: {APP}, metric: error.ratio, window: 1m, above: 0.05, then: [alert]}}
subscriptions:
  - {{name: on-call, channel: console}}
"""


@contextmanager
def stub_upstream() -> Iterator[str]:
    """Run the stub as a process of its own; yield its address."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.bench.stub_upstream", str(port)]) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def held(pids: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Return PSS and RSS in MB (10^6 bytes) by name; what a process starts of ours has a row of its own, other children
    are counted with it.
    """
    owned = set(pids.values())
    found = {}
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            family = [pid] if name in _PARENTS_OF_ALL else _family(pid, owned)
            helpers = {child: said for child in family[1:] if (said := _helper(child))}
            found[name] = _held(one for one in family if one not in helpers)
            found |= {f"{name}, {said}": _held([child]) for child, said in helpers.items()}
    return found


def _helper(pid: int) -> str:
    """Return the module that a process of ours runs, by its last name; of any other nothing."""
    words = psutil.Process(pid).cmdline()
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    return module.rpartition(".")[2] if module.startswith("services.") else ""


def maps_torch(pids: Iterable[int]) -> list[int]:
    """Return those of some processes and their descendants that have torch's library in their memory."""
    everyone = {process.pid for pid in pids for process in (psutil.Process(pid), *_children(pid))}
    return sorted(pid for pid in everyone if "libtorch" in _read(f"/proc/{pid}/maps"))


def _family(pid: int, others: set[int]) -> list[int]:
    return [pid, *(child.pid for child in _children(pid) if child.pid not in others)]


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _held(pids: Iterable[int]) -> dict[str, float]:
    sizes = {"pss": 0, "rss": 0}
    for pid in pids:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            for kind in sizes:
                if line.startswith(f"{kind.capitalize()}:"):
                    sizes[kind] += int(line.split()[1]) * 1024
    return {kind: round(size / 1e6, 1) for kind, size in sizes.items()}


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return ""


def _call(gateway: str, number: int) -> None:
    prompt = _PROMPT.format(number=number)
    body = {"model": APP, "messages": [{"role": "user", "content": prompt}], "user": f"u-{number % 50}"}
    answer = _post(f"{gateway}/v1/chat/completions", body)
    _post(f"{gateway}/v1/feedback", {"app": APP, "request_id": answer["id"], "score": 1})


def _post(url: str, body: object) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return dict(json.load(response))


def _sums(by_process: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {kind: round(sum(sizes[kind] for sizes in by_process.values()), 1) for kind in ("pss", "rss")}


def measure(folder: Path, upstream: str, calls: int) -> dict[str, object]:
    """Return seconds to ready, megabytes by process, and who has torch."""
    configuration = own_server_configuration(upstream)
    began = time.monotonic()
    with Up(folder, configuration) as first:
        first.wait_healthy(_READY_WITHIN_S)
        first_s = time.monotonic() - began
    began = time.monotonic()
    with Up(folder, configuration, first.ports) as stack:
        stack.wait_healthy(_READY_WITHIN_S)
        ready_s = time.monotonic() - began
        at_ready = held(stack.pids)
        for number in range(calls):
            _call(stack.settings.url("gateway"), number)
        time.sleep(_SETTLE_S)
        after = held(stack.pids)
        torch = maps_torch(stack.pids.values())
        peak = stack.state.peak_rss_mb if stack.state else 0.0
    return {
        "first_set_up_s": round(first_s, 1),
        "ready_s": round(ready_s, 1),
        "total_mb": {"ready": _sums(at_ready), "after_calls": _sums(after)},
        "peak_rss_mb": peak,
        "calls": calls,
        "torch_in": torch,
        "mb": {name: {"ready": at_ready.get(name), "after_calls": sizes} for name, sizes in after.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500)
    chosen = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder, stub_upstream() as upstream:
        figures = measure(Path(folder), upstream, chosen.calls)
    print(json.dumps({"bench": "footprint", **figures, "machine": before}))


if __name__ == "__main__":
    main()
