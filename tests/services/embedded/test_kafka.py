"""Apache Kafka without Docker: what is missing is told in one line, the jars come once, a cluster is told its parts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import port_variable
from services.embedded.kafka.distribution import KafkaMissing, bring_kafka, first_error, java_version
from services.embedded.kafka.node import cluster, properties_of
from tests.fixtures.kafka import KafkaNode, jar_cache

JAVA_17 = "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2"
MAVEN = 'for a; do case $a in -DoutputDirectory=*) mkdir -p "${a#*=}" && echo brought >> "$COUNT";; esac; done'


def machine(folder: Path, **programs: str) -> dict[str, str]:
    """Return the environment of a machine that has only these programs."""
    folder.mkdir(exist_ok=True)
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder), "COUNT": str(folder / "count")}


def test_a_machine_without_java_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(KafkaMissing, match="no Java at PATH; install Java 17"):
        bring_kafka(tmp_path / "cache", machine(tmp_path / "bin"))


def test_an_old_java_is_told_by_its_number(tmp_path: Path) -> None:
    old = machine(tmp_path / "bin", java="echo 'java version \"1.8.0_402\"' >&2")
    with pytest.raises(KafkaMissing, match="is Java 8; Kafka needs 17"):
        bring_kafka(tmp_path / "cache", old)


def test_a_machine_without_maven_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(KafkaMissing, match="no Maven"):
        bring_kafka(tmp_path / "cache", machine(tmp_path / "bin", java=JAVA_17))


def test_a_download_that_fails_is_told_in_mavens_first_words_and_leaves_nothing(tmp_path: Path) -> None:
    cut_off = machine(tmp_path / "bin", java=JAVA_17, mvn="echo '[ERROR] Unknown host'; echo '[ERROR] more'; exit 1")
    with pytest.raises(KafkaMissing, match=r"from Maven Central: Unknown host$"):
        bring_kafka(tmp_path / "cache", cut_off)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_jars_are_brought_once(tmp_path: Path) -> None:
    whole = machine(tmp_path / "bin", java=JAVA_17, mvn=MAVEN)
    assert bring_kafka(tmp_path / "cache", whole) == bring_kafka(tmp_path / "cache", whole)
    assert (tmp_path / "bin" / "count").read_text() == "brought\n"


@pytest.mark.parametrize(
    ("said", "version"), [('openjdk version "21" 2023-09-19', 21), ('java version "1.8.0_402"', 8), ("what?", 0)]
)
def test_javas_feature_release_is_read_from_what_it_says(said: str, version: int) -> None:
    assert java_version(said) == version


def test_an_error_of_maven_is_one_short_line() -> None:
    assert first_error("[INFO] x\n[ERROR] a\n[ERROR] b") == "a"
    assert first_error("") == "it said nothing"
    assert len(first_error("[ERROR] " + "x" * 999)) == 200


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


@pytest.mark.broker
@pytest.mark.skipif("os.environ.get('DRIFTLOOP_TEST_BROKER') != 'kafka'", reason="make test-kafka runs it")
def test_it_starts_says_so_in_one_line_and_stops_cleanly_twice_over(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DRIFTLOOP_DATA": str(tmp_path),
        "DRIFTLOOP_KAFKA_CACHE": str(jar_cache()),
        port_variable("broker"): str(KafkaNode().port),
    }
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
            assert first.startswith("kafka: ready; DRIFTLOOP_PROFILE=kafka"), kafka.communicate(timeout=30)
            kafka.send_signal(signal.SIGINT)
            assert kafka.communicate(timeout=30) == ("", "")
        assert kafka.returncode == 0
