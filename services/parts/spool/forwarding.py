"""`python -m services.parts.spool.forwarding NAME`: the child of services.parts.spool.process, which tells it what to
bring to Kafka on its standard input.

It ends when the other end of that is closed, at whatever it is then: its parent has died or needs it no more, and
what it was carrying is carried again by the next one.
"""

import logging
import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection

import msgspec

from schemas.settings import Settings
from services.clients.bus.producer import Producer
from services.parts.runtime.logs import configure_logging
from services.parts.runtime.parent import end_with
from services.parts.spool.delivery import Delivery
from services.parts.spool.process import Done, Pause
from services.parts.spool.segments import Stretch

_LOG = logging.getLogger(__name__)
_STRETCH = msgspec.msgpack.Decoder(Stretch)
# Events may wait for a moment; calls may not.
_NICENESS = 5


class _Teller:
    """Tells the parent of what it would have seen itself; see Watch."""

    stopping = False

    def __init__(self, channel: Connection) -> None:
        self._channel, self._away = channel, False

    def note(self, *, away: bool) -> None:
        """Remember it for the next pause; the end of a delivery says that the broker is there."""
        self._away = away

    def wait(self, seconds: float) -> None:
        """Tell, and let time pass."""
        self._channel.send_bytes(msgspec.msgpack.encode(Pause(self._away)))
        time.sleep(seconds)


def run(channel: Connection, delivery: Delivery) -> None:
    """Carry what is told until the other end is closed."""
    watch = _Teller(channel)
    with suppress(EOFError):
        while True:
            stretch = _STRETCH.decode(channel.recv_bytes())
            carried = delivery.carry(stretch, watch)
            assert carried is not None, "nothing but the parent's end stops a delivery, and that ends the process"
            channel.send_bytes(msgspec.msgpack.encode(Done(carried)))


def main() -> None:
    """Run until the parent ends."""
    # A stop is the parent's: it may have something left to send.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    name, settings = sys.argv[1], Settings.from_environment()
    configure_logging(name, settings.log_level)
    channel = Connection(os.dup(0))
    end_with(channel.fileno())
    run(channel, Delivery(lambda: Producer(settings, name)))


if __name__ == "__main__":
    main()
