"""`python -m services.gateway.recording.reader`: the child of services.gateway.recording.aside, which sends it events
on its standard input and gets their entries. It ends when the other end of that is closed.
"""

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from services.gateway.recording.aside import Deployment
from services.gateway.recording.entries import made
from services.parts.runtime.parent import end_with
from services.privacy.policies import Policies

# Whoever sent a long text waits for it; the calls of others must not.
_NICENESS = 5


def run(channel: Connection) -> None:
    """Make the entries of what is sent, until the other end is closed; an error's type in place of one that fails."""
    with suppress(EOFError):
        told = msgspec.json.decode(channel.recv_bytes(), type=Deployment)
        policies = Policies(told.apps, Path(told.data))
        while True:
            event = channel.recv()
            try:
                channel.send(made(event, policies))
            except Exception as error:  # noqa: BLE001  # the loop of a worker: whoever asked counts and logs it
                channel.send(type(error).__name__)


def main() -> None:
    """Run until the parent ends."""
    # A stop is the parent's: it may have an answer left to record.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    channel = Connection(os.dup(0))
    end_with(channel.fileno())
    run(channel)


if __name__ == "__main__":
    main()
