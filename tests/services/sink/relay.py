"""A TCP relay before the warehouse that cuts connections during inserts, so that their outcome is unknown."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto

INSERT = b"INSERT INTO"


class Cut(Enum):
    """What befalls an insert."""

    NOT_AT_ALL = auto()
    HALFWAY = auto()  # half of the request arrives
    UNANSWERED = auto()  # all of it arrives and is done, and the answer is withheld


class Relay:
    """Passes bytes on between a port of its own and the warehouse's; every new insert takes the next cut.

    Attributes:
        port: Where clients connect.
        plan: The cuts that are still to come.
    """

    def __init__(self, upstream_port: int, plan: Iterable[Cut]) -> None:
        self._upstream_port = upstream_port
        self.plan = deque(plan)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut everything."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                warehouse = socket.create_connection(("127.0.0.1", self._upstream_port))
                self._open += [client, warehouse]
                connection = _Connection(client, warehouse, self.plan)
                threading.Thread(target=connection.pass_on_requests, daemon=True).start()
                threading.Thread(target=connection.pass_on_answers, daemon=True).start()


class _Connection:
    def __init__(self, client: socket.socket, warehouse: socket.socket, plan: deque[Cut]) -> None:
        self._client, self._warehouse, self._plan = client, warehouse, plan
        self._withheld = False

    def pass_on_requests(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(1 << 20):
                cut = self._plan.popleft() if INSERT in data and self._plan else Cut.NOT_AT_ALL
                self._withheld = self._withheld or cut is Cut.UNANSWERED
                self._warehouse.sendall(data[: len(data) // 2] if cut is Cut.HALFWAY else data)
                if cut is Cut.HALFWAY:
                    break
        self._cut()

    def pass_on_answers(self) -> None:
        with suppress(OSError):
            while (data := self._warehouse.recv(1 << 20)) and not self._withheld:
                self._client.sendall(data)
        self._cut()

    def _cut(self) -> None:
        for each in (self._client, self._warehouse):
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # an RST, as of a crash
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(upstream_port: int, plan: Iterable[Cut]) -> Iterator[Relay]:
    """A relay until the block is left."""
    running = Relay(upstream_port, plan)
    try:
        yield running
    finally:
        running.close()
