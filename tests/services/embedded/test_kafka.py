"""Apache Kafka from packages: what is missing is told in one line, jars are pinned, a cluster knows its parts."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import port_variable
from services.embedded.kafka.bringing import bring_kafka, check_jars, is_here
from services.embedded.kafka.distribution import KafkaMissing, cache_folder
from services.embedded.kafka.node import Node, Retention, cluster, properties_of
from tests.fixtures.kafka import KafkaNode


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    """A copy of the jars that this machine has."""
    return Path(shutil.copytree(bring_kafka(cache_folder()).folder / "jars", tmp_path / "jars"))


def test_the_jars_that_came_are_the_pinned_ones(jars: Path) -> None:
    check_jars(jars)


def test_a_jar_that_was_changed_is_named(jars: Path) -> None:
    with (jars / "kafka-clients-4.4.0.jar").open("ab") as jar:
        jar.write(b"!")
    with pytest.raises(KafkaMissing, match=r"kafka-clients-4\.4\.0\.jar is not the pinned one \(1 of 45 jars differ\)"):
        check_jars(jars)


@pytest.mark.parametrize(
    "change", [lambda jars: next(jars.glob("*.jar")).unlink(), lambda jars: (jars / "x.jar").touch()]
)
def test_a_jar_too_few_or_too_many_is_told(jars: Path, change: object) -> None:
    assert callable(change)
    change(jars)
    with pytest.raises(KafkaMissing, match="1 of 45 jars differ"):
        check_jars(jars)


def test_a_repository_that_does_not_answer_is_told_in_one_line_with_the_way_out(tmp_path: Path) -> None:
    cut_off = {**os.environ, "DRIFTLOOP_MAVEN_URL": "http://127.0.0.1:9"}
    with pytest.raises(
        KafkaMissing, match=r"^Kafka's jars cannot be fetched \(.+\); DRIFTLOOP_BROKER=light does without"
    ):
        bring_kafka(tmp_path / "cache", cut_off)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["bringing.lock"]
    assert not is_here(tmp_path / "cache")


def test_a_cache_that_cannot_be_made_is_told_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KafkaMissing, match="set DRIFTLOOP_KAFKA_CACHE to a folder of yours"):
        bring_kafka(tmp_path / "file" / "cache")


def test_a_recorded_start_is_kept_beside_the_jars() -> None:
    kafka = bring_kafka(cache_folder())
    assert f"-XX:AOTCache={kafka.ahead_of_time}" in kafka.command("kafka.Kafka")
    assert is_here(cache_folder())


def test_three_nodes_keep_three_copies_on_ports_of_their_own(tmp_path: Path) -> None:
    nodes = cluster(tmp_path, "127.0.0.1", 19092, size=3)
    assert [node.port for node in nodes] == [19092, 19093, 19094]
    assert len({port for node in nodes for port in (node.port, node.controller_port)}) == 6
    second = dict(line.split("=", 1) for line in properties_of(nodes[1], nodes).splitlines())
    assert second["default.replication.factor"] == second["offsets.topic.replication.factor"] == "3"
    assert second["min.insync.replicas"] == second["transaction.state.log.min.isr"] == "2"
    assert second["controller.quorum.voters"] == "1@127.0.0.1:19095,2@127.0.0.1:19096,3@127.0.0.1:19097"
    assert second["node.id"] == "2"


def test_one_node_keeps_one_copy(tmp_path: Path) -> None:
    nodes = cluster(tmp_path, "127.0.0.1", 19092, size=1)
    alone = dict(line.split("=", 1) for line in properties_of(nodes[0], nodes).splitlines())
    assert {value for name, value in alone.items() if "replication.factor" in name or "min.isr" in name} == {"1"}


def test_what_is_kept_of_the_log_is_bounded(tmp_path: Path) -> None:
    node = Node(1, "127.0.0.1", 19092, 19093, tmp_path, Retention(hours=5, partition_bytes=7))
    told = dict(line.split("=", 1) for line in properties_of(node, [node]).splitlines())
    assert (told["log.retention.hours"], told["log.retention.bytes"]) == ("5", "7")


@pytest.mark.broker
def test_it_starts_says_so_in_one_line_and_stops_cleanly_twice_over(tmp_path: Path) -> None:
    environment = {**os.environ, "DRIFTLOOP_DATA": str(tmp_path), port_variable("broker"): str(KafkaNode().port)}
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-m", "services.embedded.kafka"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as kafka:
            assert kafka.stdout is not None
            first = kafka.stdout.readline()
            assert first.startswith("kafka: ready; DRIFTLOOP_KAFKA="), kafka.communicate(timeout=60)
            kafka.send_signal(signal.SIGINT)
            assert kafka.communicate(timeout=60) == ("", "")
        assert kafka.returncode == 0
