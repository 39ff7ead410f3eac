"""GET /healthz and GET /metrics of a process, served from a thread of its own."""

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import prometheus_client

Ready = Callable[[], dict[str, bool]]


class PortTaken(OSError):
    """Something else listens on the port. The message says which and how to move it."""

    def __init__(self, process: str, port: int, variable: str) -> None:
        super().__init__(f"{process}: port {port} is taken; set {variable} to a free one")


def must_be_free(process: str, host: str, port: int, variable: str) -> None:
    """Raise PortTaken when something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(process, port, variable) from error


class HealthServer:
    """Serves readiness and metrics until closed.

    /healthz answers 200 when every named condition of `ready` holds and 503 otherwise, with the
    conditions as JSON either way. /metrics is the Prometheus text format.
    """

    def __init__(self, *, process: str, host: str, port: int, variable: str, ready: Ready) -> None:
        handler = type("Handler", (_Handler,), {"ready": staticmethod(ready)})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise PortTaken(process, port, variable) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    ready: Ready

    def do_GET(self) -> None:
        if self.path == "/healthz":
            conditions = self.ready()
            self._answer(200 if all(conditions.values()) else 503, json.dumps(conditions).encode(), "application/json")
        elif self.path == "/metrics":
            self._answer(200, prometheus_client.generate_latest(), prometheus_client.CONTENT_TYPE_LATEST)
        else:
            self._answer(404, b"", "text/plain")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Health checks every second are no news."""
