"""One Kafka broker that is its own controller: what it is told, how its folder is made, how it starts."""

import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from os import getpid
from pathlib import Path

from services.embedded.child import LEASH
from services.embedded.kafka.distribution import Distribution, KafkaMissing

CLUSTER_ID = "ZHJpZnRsb29wLWNsdXN0ZQ"
"""Sixteen bytes in base64, the same on every laptop: a folder is of one deployment anyway."""

QUICK = ("-XX:TieredStopAtLevel=1",)
"""Saves processor time at a start and costs speed later: for tests and for formatting."""

_SEGMENT_BYTES = 64 * 1024 * 1024
"""A killed broker reads the last segment of each partition again before it answers; Kafka's default is a gigabyte."""

_HEAP = ("-Xms48m", "-Xmx384m")
_QUIET = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "--sun-misc-unsafe-memory-access=allow")


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long a message is kept, and how many bytes of one partition at most; -1 is no bound."""

    hours: int = -1
    partition_bytes: int = -1


@dataclass(frozen=True, slots=True)
class Node:
    """A broker of a cluster.

    Attributes:
        number: Its id in the cluster, from 1.
        port: Where clients reach it.
        controller_port: Where the cluster's controllers reach each other.
        folder: Holds its log, its properties and what it says; outlives its process.
        keeps: What of the log stays on disk.
    """

    number: int
    host: str
    port: int
    controller_port: int
    folder: Path
    keeps: Retention = Retention()

    @property
    def properties(self) -> Path:
        """The file that Kafka reads when it starts."""
        return self.folder / "server.properties"

    @property
    def output(self) -> Path:
        """What it says, warnings and worse."""
        return self.folder / "kafka.log"

    @property
    def answers(self) -> bool:
        """Whether it takes connections of clients."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1):
                return True
        except OSError:
            return False


def cluster(folder: Path, host: str, port: int, *, size: int) -> tuple[Node, ...]:
    """Return the nodes of a cluster: clients' ports from `port` on, the controllers' behind them."""
    return tuple(
        Node(index + 1, host, port + index, port + size + index, folder / f"node-{index + 1}-of-{size}")
        for index in range(size)
    )


def properties_of(node: Node, nodes: Sequence[Node]) -> str:
    """Return a node's server.properties.

    Three nodes keep every record three times and acknowledge what two have; one node keeps it once.
    Internal topics have few partitions, and a group's first member does not wait for others: both
    are for quick starts on a small machine.
    """
    copies, enough = min(3, len(nodes)), min(2, len(nodes))
    settings = {
        "process.roles": "broker,controller",
        "node.id": node.number,
        "controller.quorum.voters": ",".join(f"{n.number}@{n.host}:{n.controller_port}" for n in nodes),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"CLIENT://{node.host}:{node.port},CONTROLLER://{node.host}:{node.controller_port}",
        "advertised.listeners": f"CLIENT://{node.host}:{node.port}",
        "inter.broker.listener.name": "CLIENT",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": node.folder / "log",
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": enough,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 3,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": enough,
        "transaction.state.log.num.partitions": 3,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": enough,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A killed broker is taken back by its controllers only once its old session has ended.
        "broker.session.timeout.ms": 4_000,
        "broker.heartbeat.interval.ms": 500,
        "log.segment.bytes": _SEGMENT_BYTES,
        "log.retention.hours": node.keeps.hours,
        "log.retention.bytes": node.keeps.partition_bytes,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def prepare(node: Node, nodes: Sequence[Node], kafka: Distribution) -> None:
    """Write the node's properties and format its log folder, if that has not been done.

    Raises:
        KafkaMissing: The folder cannot be formatted.
    """
    node.folder.mkdir(parents=True, exist_ok=True)
    node.properties.write_text(properties_of(node, nodes))
    if (node.folder / "log" / "meta.properties").exists():
        return
    arguments = ("format", "-t", CLUSTER_ID, "-c", str(node.properties), "--ignore-formatted")
    command = kafka.command("kafka.tools.StorageTool", *arguments, options=(*QUICK, *_QUIET))
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if run.returncode:
        said = (run.stdout + run.stderr).strip().splitlines() or [""]
        raise KafkaMissing(f"cannot format {node.folder}: {said[-1][:200]}")


def broker_command(node: Node, kafka: Distribution, *, options: tuple[str, ...] = ()) -> list[str]:
    """Return what starts a prepared node, with further options of Java."""
    return kafka.command("kafka.Kafka", str(node.properties), options=(*_HEAP, *_QUIET, *options))


def start(node: Node, kafka: Distribution, *, options: tuple[str, ...] = ()) -> "subprocess.Popen[bytes]":
    """Start a prepared node, with further options of Java, and return at once.

    On Linux it dies with the thread that called.
    """
    leash = [sys.executable, "-I", "-S", str(LEASH), str(getpid())]
    command = broker_command(node, kafka, options=options)
    with node.output.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our own command
            [*leash, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
