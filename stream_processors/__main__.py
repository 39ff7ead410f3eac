"""python -m stream_processors <functional|safety|quality|drift|monitors>: one processor, one process."""

import importlib
import sys

from services.runtime.process import running
from stream_processors.application import Processor
from stream_processors.serving import serve

NAMES = ("functional", "safety", "quality", "drift", "monitors")


def main() -> None:
    """Wire the processor named on the command line and run it; heavy imports stay in its module."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in NAMES:
        print(f"stream_processors: name one of {', '.join(NAMES)}", file=sys.stderr)
        sys.exit(2)
    with running(name) as process:
        module = importlib.import_module(f"stream_processors.{name}")
        processor = Processor(name, process.settings, process.configuration)
        getattr(module, f"build_{name}")(processor)
        serve(processor, process)


if __name__ == "__main__":
    main()
