"""A process that forwards by a child; prints the child's id once the broker is known to be away."""

import sys
import time
from pathlib import Path

import psutil

from services.parts.spool.entries import Entry
from services.parts.spool.forwarder import Forwarder
from services.parts.spool.process import ForwardingProcess
from services.parts.spool.spool import Spool


def main() -> None:
    """Run until killed, or until standard input ends."""
    spool = Spool(Path(sys.argv[1]))
    spool.append([Entry("t", b"k", b"v")])
    forwarder = Forwarder(spool, ForwardingProcess("test"))
    forwarder.start()
    while not forwarder.away:
        time.sleep(0.05)
    (child,) = psutil.Process().children()
    print(child.pid, flush=True)
    sys.stdin.read()
    forwarder.stop()


if __name__ == "__main__":
    main()
