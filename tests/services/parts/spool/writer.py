"""A process that appends numbered entries and prints each number once `append` has returned."""

import sys
from itertools import count
from pathlib import Path

from services.parts.spool.entries import Entry
from services.parts.spool.spool import Spool


def main() -> None:
    """Append until killed."""
    spool = Spool(Path(sys.argv[1]), max_bytes=1 << 26)
    for number in count():
        spool.append([Entry("t", b"k", f"{number}".encode() + b"x" * 700)])
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
