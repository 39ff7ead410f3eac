"""Asks a child whether it is well."""

import http.client
import socket
from enum import Enum

from schemas.settings import INWARD, LOOPBACK, Settings, port_variable
from services.embedded.catalogue import Program
from services.parts.certificates import trusting_anyone
from services.parts.runtime.health import must_be_free


class Health(Enum):
    """What a probe found."""

    READY = "ready"
    UNREADY = "unready"
    SILENT = "silent"


def probe(program: Program, settings: Settings, timeout_s: float) -> Health:
    """Return READY if it says so, UNREADY if it answers but not yet, SILENT if nothing comes in time."""
    host, port = _host(program.name, settings.here), settings.ports[program.name]
    if program.health == "tcp":
        return _connects(host, port, timeout_s)
    connection = _connection(program.name, host, settings, timeout_s)
    try:
        connection.request("GET", program.health_path)
        return Health.READY if connection.getresponse().status == 200 else Health.UNREADY
    except (OSError, http.client.HTTPException):
        return Health.SILENT
    finally:
        connection.close()


def _connection(name: str, host: str, settings: Settings, timeout_s: float) -> http.client.HTTPConnection:
    if settings.listening.scheme(name) == "http":
        return http.client.HTTPConnection(host, settings.ports[name], timeout=timeout_s)
    trust = trusting_anyone()
    return http.client.HTTPSConnection(host, settings.ports[name], timeout=timeout_s, context=trust)


def _connects(host: str, port: int, timeout_s: float) -> Health:
    try:
        with socket.create_connection((host, port), timeout_s):
            return Health.READY
    except OSError:
        return Health.SILENT


def check_ports(programs: tuple[Program, ...], settings: Settings) -> None:
    """Make sure that every program's port is free.

    Raises:
        PortTaken: One is not; the message says which and how to move it.
    """
    for program in programs:
        name = program.name
        must_be_free(name, _host(name, settings.host), settings.ports[name], port_variable(name))


def _host(name: str, others: str) -> str:
    return LOOPBACK if name in INWARD else others
