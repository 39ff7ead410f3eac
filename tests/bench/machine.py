"""What a benchmark's figures depend on."""

import os
import sys
from pathlib import Path


def machine() -> dict[str, object]:
    """Return processors, load at this moment, and Python's version."""
    names = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "cpus": os.cpu_count(),
        "cpu": names[0] if names else "unknown",
        "load_average": os.getloadavg()[0],
        "python": sys.version.split()[0],
    }


def processor_times() -> tuple[int, int]:
    """Return the ticks that the machine's processors were idle, and all of their ticks, since its start (Linux)."""
    ticks = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def idle_share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return the share of the processors that nobody used between two readings of `processor_times`."""
    passed = after[1] - before[1]
    return (after[0] - before[0]) / passed if passed else 0.0
