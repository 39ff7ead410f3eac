"""The frame of an HTTP process: settings, logs, port, server, stop on SIGTERM or Ctrl-C."""

import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import uvicorn
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.listening import DEFAULT_LISTENING, Listening
from schemas.settings import BadSetting, Settings, port_variable
from services.parts.certificates import ServerCertificate
from services.parts.ingress.answers import OwnAnswer
from services.parts.ingress.connections import Connection
from services.parts.ingress.errors import Refusal, failed, json_answer, not_routed, refused
from services.parts.ingress.server import Server, raise_file_limit
from services.parts.runtime.health import PortTaken
from services.parts.runtime.logs import configure_logging
from services.parts.runtime.process import read_configuration
from services.parts.spool.spool import SpoolTaken

_LOG = logging.getLogger(__name__)
# Longer than clients keep idle connections (httpx's pool 5 s, aiohttp's 15 s), so that it is they who close, and
# none is closed under a request that is on its way.
_KEEP_ALIVE_S = 75

ERROR_HANDLERS = {Refusal: refused, HTTPException: not_routed, Exception: failed}
Build = Callable[[Settings, Configuration], Starlette]


def serve(name: str, build: Build, *, beside: Sequence[str] = ()) -> None:
    """Run an HTTP process until SIGTERM or Ctrl-C; a user's mistake ends it with one line and status 2.

    Call from the main thread. Calls in flight get three seconds to finish.

    Args:
        beside: Names of further ports at which the same is served; one that is taken is done without.
    """
    try:
        settings = Settings.from_environment()
        configure_logging(name, settings.log_level)
        configuration = read_configuration(settings)
        # What the deployment does not let out, a neighbour reaches on the machine.
        certificate = ServerCertificate.of(settings.listening) if settings.listening.scheme(name) == "https" else None
        listeners = [bound_socket(name, settings), *_spare_sockets(beside, settings)]
        application = build(settings, configuration)
    except (BadSetting, BadConfiguration, PortTaken, SpoolTaken) as error:
        print(f"{name}: {error}" if not str(error).startswith(name) else error, file=sys.stderr)
        sys.exit(2)
    # uvicorn raises the signal again after its own clean stop; a stop that was asked for is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    raise_file_limit()
    with contextlib.ExitStack() as stack:
        for listener in listeners:
            stack.enter_context(contextlib.closing(listener))
        Server(server_options(application, settings.listening), certificate).run(sockets=listeners)


def server_options(application: ASGIApp, listening: Listening = DEFAULT_LISTENING) -> uvicorn.Config:
    """Return how applications are served: uvloop, httptools within bounds, no access log."""
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=partial(Connection, listening=listening),  # type: ignore[arg-type]  # uvicorn calls it as it calls a class
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=_KEEP_ALIVE_S,
        server_header=False,
    )


def bound_socket(name: str, settings: Settings) -> socket.socket:
    """Return a socket on the process's port.

    Raises:
        PortTaken: Something else listens there.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.ports[name]))
    except OSError as error:
        listener.close()
        raise PortTaken(name, settings.ports[name], port_variable(name)) from error
    return listener


def _spare_sockets(names: Sequence[str], settings: Settings) -> Iterator[socket.socket]:
    for name in names:
        try:
            yield bound_socket(name, settings)
        except PortTaken as error:
            _LOG.warning("%s; going on without it", error)


def health_routes(ready: Callable[[], dict[str, bool]], registry: CollectorRegistry) -> list[Route]:
    """Return GET /healthz (503 until every condition holds) and GET /metrics."""

    async def healthz(_: Request) -> Response:
        conditions = ready()
        return json_answer(conditions, 200 if all(conditions.values()) else 503)

    async def metrics(_: Request) -> Response:
        return OwnAnswer(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/metrics", metrics)]


def process_registry() -> CollectorRegistry:
    """Return a registry that already tells memory, processor time and open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
