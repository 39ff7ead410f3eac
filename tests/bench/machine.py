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
