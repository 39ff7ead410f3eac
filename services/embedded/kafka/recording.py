"""Records one start of the broker for Java (JEP 514): later starts load what this one found out."""

import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from services.embedded.kafka.distribution import Distribution, KafkaMissing
from services.embedded.kafka.node import Node, broker_command, prepare

_ANSWER_WITHIN_S = 60
_WRITE_WITHIN_S = 120


def record_start(kafka: Distribution) -> bool:
    """Start a broker on a scratch folder, stop it, keep the recording; return whether there is one.

    Never raises: without a recording every start takes longer, and that is all.
    """
    with tempfile.TemporaryDirectory(dir=kafka.folder, prefix="recording-") as scratch:
        fresh = Path(scratch) / "fresh.aot"
        node = Node(1, "127.0.0.1", _unused_port(), _unused_port(), Path(scratch) / "node")
        with suppress(KafkaMissing, OSError, subprocess.TimeoutExpired):
            prepare(node, [node], kafka)
            _run_once(node, broker_command(node, kafka, options=(f"-XX:AOTCacheOutput={fresh}",)))
        if fresh.exists():
            fresh.rename(kafka.ahead_of_time)
    return kafka.ahead_of_time.exists()


def _run_once(node: Node, command: list[str]) -> None:
    """Run a broker until it answers, then end it and wait until Java has written what it recorded."""
    with subprocess.Popen(  # noqa: S603  # our own command
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as broker:
        try:
            deadline = time.monotonic() + _ANSWER_WITHIN_S
            while not node.answers and broker.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            broker.terminate()
            broker.wait(_WRITE_WITHIN_S)
        finally:
            broker.kill()


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
