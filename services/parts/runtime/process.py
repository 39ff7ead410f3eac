"""The frame of a process without an API of its own: settings, logs, health, stop on SIGTERM or Ctrl-C."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration, expand_variables, parse_configuration
from schemas.settings import BadSetting, Settings, port_variable
from services.parts.runtime.health import HealthServer, PortTaken
from services.parts.runtime.logs import configure_logging
from services.parts.runtime.memory import collect_seldom


@dataclass(slots=True)
class Process:
    """A running process.

    Attributes:
        stopping: Set when the process should finish what it holds and return.
        conditions: Named conditions of readiness, all true when ready; the loop keeps them.
    """

    name: str
    settings: Settings
    configuration: Configuration
    stopping: threading.Event = field(default_factory=threading.Event)
    conditions: dict[str, bool] = field(default_factory=lambda: {"started": False})


def read_configuration(settings: Settings) -> Configuration:
    """Return the configuration of this deployment.

    Raises:
        BadConfiguration: The file is missing or wrong; the message names the file.
    """
    try:
        text = settings.configuration.read_text()
    except OSError as error:
        raise BadConfiguration(
            f"{settings.configuration}: {error.strerror}; `driftloop init` writes one, DRIFTLOOP_CONFIG names one"
        ) from error
    try:
        return parse_configuration(expand_variables(text, os.environ), settings.configuration.parent)
    except BadConfiguration as error:
        raise BadConfiguration(f"{settings.configuration.name}: {error}") from error


@contextmanager
def running(name: str) -> Iterator[Process]:
    """Run a process body between start and stop; a user's mistake ends it with one line and status 2.

    Use from a main function in the main thread: it installs handlers of SIGTERM and SIGINT.
    """
    try:
        settings = Settings.from_environment()
        configure_logging(name, settings.log_level)
        process = Process(name, settings, read_configuration(settings))
        health = HealthServer(
            process=name,
            host=settings.host,
            port=settings.ports[name],
            variable=port_variable(name),
            ready=lambda: dict(process.conditions),
        )
    except (BadSetting, BadConfiguration, PortTaken) as error:
        print(f"{name}: {error}" if not str(error).startswith(name) else error, file=sys.stderr)
        sys.exit(2)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stopping.set())
    health.start()
    collect_seldom()
    try:
        yield process
    finally:
        health.close()
