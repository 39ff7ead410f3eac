"""python -m services.embedded.warehouse: own the engine's folder and serve it until SIGTERM or Ctrl-C."""

import logging
import socket
import sys

import uvicorn

from schemas.settings import LOOPBACK, BadSetting, Settings, port_variable
from services.embedded.warehouse.endpoint import Endpoint
from services.embedded.warehouse.engine import Engine
from services.parts.runtime.health import PortTaken
from services.parts.runtime.logs import configure_logging

NAME = "warehouse"
log = logging.getLogger(__name__)


def main() -> None:
    """Serve; a user's mistake ends it with one line and status 2."""
    try:
        settings = Settings.from_environment()
        configure_logging(NAME, settings.log_level)
        listener = _listen(settings)
    except (BadSetting, PortTaken) as error:
        print(f"{NAME}: {error}" if not str(error).startswith(NAME) else error, file=sys.stderr)
        sys.exit(2)
    failures: list[Exception] = []

    def stop_with(error: Exception) -> None:
        failures.append(error)
        server.should_exit = True

    endpoint = Endpoint(lambda: Engine(settings.data / "warehouse"), stop_with)
    server = uvicorn.Server(
        uvicorn.Config(
            endpoint.application(), log_config=None, access_log=False, timeout_graceful_shutdown=3, lifespan="on"
        )
    )
    server.run(sockets=[listener])
    if failures:
        print(f"{NAME}: can't open its folder: {failures[0]}; stop the process that has it open", file=sys.stderr)
        sys.exit(2)


def _listen(settings: Settings) -> socket.socket:
    port = settings.ports[NAME]
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTaken(NAME, port, port_variable(NAME)) from error
    return listener


if __name__ == "__main__":
    main()
