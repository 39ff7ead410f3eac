"""Entries of events with long texts, made by a process of their own: to read a megabyte can take seconds, in which
the event loop would answer nobody.

The process is started with the first such event, and is asked for one at a time, in the order of asking. It holds
nothing but what it has read lately; when it dies, another one is asked again, once.
"""

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from schemas.configuration import App
from services.gateway.recording.entries import Recorded
from services.parts.spool.entries import Entry

_LOG = logging.getLogger(__name__)
_CHILD = "services.gateway.recording.reader"


class Deployment(msgspec.Struct, frozen=True):
    """What the process must know: the apps, without what opens their upstreams, and the folder of keys."""

    apps: tuple[App, ...]
    data: str


class Unreadable(Exception):
    """The process could not make an entry; the message is the error's type."""


class Aside:
    """Asks the process, from the event loop; `close` ends it."""

    def __init__(self, apps: Iterable[App], data: Path) -> None:
        bare = (App(name=a.name, base_model=a.base_model, labels=a.labels, privacy=a.privacy) for a in apps)
        self._deployment = Deployment(tuple(bare), str(data))
        self._asking = ThreadPoolExecutor(1, "aside")
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._child.pid if self._child else None

    async def entry(self, event: Recorded) -> Entry:
        """Return the entry of an event.

        Raises:
            Unreadable: It can't be made.
            OSError, EOFError: The process died twice over it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._asking, self._entry, event)

    def close(self) -> None:
        """Have the process end, whatever it is at; no other one follows."""
        self._closed = True
        self._asking.shutdown(wait=False)
        self._end()

    def _end(self) -> None:
        child, channel = self._child, self._channel
        self._child = self._channel = None
        if child is not None:
            child.kill()  # which ends a wait for it, too
            child.wait()
        if channel is not None:
            channel.close()

    def _entry(self, event: Recorded) -> Entry:
        try:
            return self._asked(event)
        except (OSError, EOFError):
            if self._closed:
                raise
            _LOG.warning("the process that reads long texts died; another one follows")
            self._end()
            return self._asked(event)

    def _asked(self, event: Recorded) -> Entry:
        channel = self._channel or self._begun()
        channel.send(event)
        told = channel.recv()
        if isinstance(told, Entry):
            return told
        raise Unreadable(told)

    def _begun(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen([sys.executable, "-m", _CHILD], stdin=theirs.fileno())  # noqa: S603  # our own module
        self._channel = Connection(ours.detach())
        self._channel.send_bytes(msgspec.json.encode(self._deployment))
        _LOG.info("long texts are read by process %d", self._child.pid)
        return self._channel
