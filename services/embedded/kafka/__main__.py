"""python -m services.embedded.kafka [1|3]: Apache Kafka in the foreground until Ctrl-C; its log stays.

Order of effects: 1. jars into the cache  2. each folder formatted, once, its ports free  3. nodes started
4. one line when all answer  5. on Ctrl-C or SIGTERM, or when every node has ended: SIGTERM, wait, SIGKILL.
A node of three that ends is told of, and the others go on, so that one can be killed to see what follows.

DRIFTLOOP_KAFKA_CACHE says where the jars are kept (with the installation). A user's mistake ends it with
one line and status 2, a machine that cannot have Kafka with one line and status 3. `--bring` only does step 1.
"""

import argparse
import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from schemas.settings import LOOPBACK, BadSetting, Settings, port_variable
from services.embedded.broker import bring_broker
from services.embedded.kafka.bringing import bring_kafka
from services.embedded.kafka.distribution import Distribution, KafkaMissing, cache_folder
from services.embedded.kafka.node import Node, cluster, prepare, start
from services.embedded.logfile import last_line
from services.parts.runtime.health import PortTaken, must_be_free

NAME = "kafka"
_START_WITHIN_S = 120
_STOP_WITHIN_S = 15

Running = list[tuple[Node, "subprocess.Popen[bytes]"]]


def main() -> None:
    """Run nodes until told to stop; exit with 1 when one does not come up or none is left."""
    parser = argparse.ArgumentParser(prog="services.embedded.kafka", description=__doc__)
    parser.add_argument("size", nargs="?", type=int, choices=(1, 3), default=1)
    parser.add_argument("--bring", action="store_true", help="only bring the jars into the cache")
    asked = parser.parse_args()
    try:
        sys.exit(_bring_and_run(asked.size, only_bring=asked.bring))
    except (BadSetting, PortTaken) as error:
        _end(error, 2)
    except KafkaMissing as error:
        _end(error, 3)


def _bring_and_run(size: int, *, only_bring: bool) -> int:
    settings = Settings.from_environment()
    bring_broker(dataclasses.replace(settings, broker="kafka"), lambda line: print(f"{NAME}: {line}", flush=True))
    if only_bring:
        return 0
    kafka = bring_kafka(cache_folder())
    nodes = cluster(settings.data / NAME, LOOPBACK, settings.ports["broker"], size=size)
    for node in nodes:
        prepare(node, nodes, kafka)
        for port in (node.port, node.controller_port):
            must_be_free(NAME, node.host, port, port_variable("broker"))
    return run(nodes, kafka)


def _end(error: Exception, status: int) -> NoReturn:
    print(error if str(error).startswith(NAME) else f"{NAME}: {error}", file=sys.stderr)
    sys.exit(status)


def run(nodes: Sequence[Node], kafka: Distribution) -> int:
    """Start the nodes, wait until told to stop or none is left, stop the rest; return the exit status."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    running: Running = [(node, start(node, kafka)) for node in nodes]
    try:
        well = _await_answers(running, stopping) and _await_end(running, stopping)
    finally:
        _stop(running)
    return 0 if well else 1


def _await_answers(running: Running, stopping: threading.Event) -> bool:
    """Wait until all answer, and say so; return False after telling of one that ended or took too long."""
    deadline = time.monotonic() + _START_WITHIN_S
    while silent := [(node, process) for node, process in running if not node.answers]:
        if stopping.wait(0.1):
            return True
        for node, process in silent:
            if process.poll() is not None or time.monotonic() > deadline:
                _tell(node, "does not start")
                return False
    addresses = ",".join(f"{node.host}:{node.port}" for node, _ in running)
    print(f"{NAME}: ready; DRIFTLOOP_KAFKA={addresses} (Ctrl-C stops it)", flush=True)
    return True


def _await_end(running: Running, stopping: threading.Event) -> bool:
    """Return True when told to stop, False when no node is left."""
    left = list(running)
    while left and not stopping.wait(0.2):
        for node, process in left.copy():
            if process.poll() is not None:
                _tell(node, "ended")
                left.remove((node, process))
    return stopping.is_set()


def _tell(node: Node, what: str) -> None:
    print(f"{NAME}: node {node.number} {what}: {last_line(node.output)} (see {node.output})", file=sys.stderr)


def _stop(running: Running) -> None:
    """Ask all to stop; whoever waits for a quorum that is gone is killed, which its log bears."""
    for _, process in running:
        process.terminate()
    deadline = time.monotonic() + _STOP_WITHIN_S
    for _, process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
