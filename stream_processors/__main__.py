"""python -m stream_processors <functional|safety|quality|guard|drift|monitors>: one processor, one process."""

import importlib
import sys

from services.parts.runtime.process import running
from services.scorers.catalogue import UnknownScorer
from stream_processors.frame.application import Processor
from stream_processors.frame.serving import serve

ROOMS = {
    "functional": "windows",
    "safety": "scoring",
    "quality": "scoring",
    "guard": "scoring",
    "drift": "detectors",
    "monitors": "monitors",
}


def main() -> None:
    """Wire the processor named on the command line and run it; heavy imports stay in its module."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in ROOMS:
        print(f"stream_processors: name one of {', '.join(ROOMS)}", file=sys.stderr)
        sys.exit(2)
    with running(name) as process:
        module = importlib.import_module(f"stream_processors.{ROOMS[name]}.{name}")
        processor = Processor(name, process.settings, process.configuration)
        try:
            getattr(module, f"build_{name}")(processor)
        except UnknownScorer as error:
            print(f"{name}: {process.settings.configuration.name}: {error}", file=sys.stderr)
            sys.exit(2)
        serve(processor, process)


if __name__ == "__main__":
    main()
