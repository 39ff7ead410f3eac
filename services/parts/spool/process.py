"""Deliveries by a process of their own, so that packing and Kafka's client do not share the interpreter with calls.

The child holds nothing: it is told of one stretch, reads it, and tells when Kafka has it. If it dies, another one
is started and told of the same stretch; if its parent dies, it ends at once (services.parts.spool.forwarding).
"""

import logging
import socket
import subprocess
import sys
from multiprocessing.connection import Connection

import msgspec

from services.parts.spool.delivery import Watch
from services.parts.spool.segments import Carried, Stretch

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.1
_END_WITHIN_S = 1.0
_RETRY_S = 0.5
_CHILD = "services.parts.spool.forwarding"


class Pause(msgspec.Struct, frozen=True, tag=True):
    """The child waits, for the broker or for room in its buffers."""

    away: bool


class Done(msgspec.Struct, frozen=True, tag=True):
    """A stretch is carried."""

    carried: Carried


Told = Pause | Done
_TOLD = msgspec.msgpack.Decoder(Told)


class ForwardingProcess:
    """Carries in a child process, which takes its settings from this process's environment.

    Args:
        name: What the child calls itself in logs, and to the broker.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None

    def carry(self, stretch: Stretch, watch: Watch) -> Carried | None:
        """Return what of a stretch Kafka has; see Carrier. None, too, when the child died: another one follows."""
        try:
            return self._carried(stretch, watch)
        except (OSError, EOFError):
            _LOG.warning("the process that makes deliveries died; another one follows")
            self.close()
            watch.wait(_RETRY_S)
            return None

    def close(self) -> None:
        """Have the child end."""
        child, channel = self._child, self._channel
        self._child = self._channel = None
        if channel is not None:
            channel.close()
        if child is not None:
            try:
                child.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _carried(self, stretch: Stretch, watch: Watch) -> Carried | None:
        channel = self._channel or self._begun()
        channel.send_bytes(msgspec.msgpack.encode(stretch))
        while not watch.stopping:
            if not channel.poll(_LOOK_S):
                continue
            told = _TOLD.decode(channel.recv_bytes())
            if isinstance(told, Done):
                watch.note(away=False)
                return told.carried
            if told.away:
                watch.note(away=True)
            watch.wait(0)
        # Whatever it would still tell is of this stretch.
        self.close()
        return None

    def _begun(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", _CHILD, self._name]
            self._child = subprocess.Popen(command, stdin=theirs.fileno())  # noqa: S603  # our own module
        self._channel = Connection(ours.detach())
        _LOG.info("deliveries are made by process %d", self._child.pid)
        return self._channel
