"""Brings Apache Kafka's jars from Maven Central into a cache folder, once for each state of the pom."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

POM = Path(__file__).parents[3] / "deploy" / "kafka" / "pom.xml"
MINIMAL_JAVA = 17
_DOWNLOAD_WITHIN_S = 300


class KafkaMissing(Exception):
    """Apache Kafka cannot be had here. The message is one line: what is missing and how to mend it."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What runs Kafka: a Java and a folder of jars."""

    java: str
    jars: Path

    def command(self, main: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command line of one of Kafka's main classes."""
        return [self.java, *options, "-cp", f"{self.jars}/*", main, *arguments]


def bring_kafka(cache: Path, environment: Mapping[str, str] = os.environ) -> Distribution:
    """Return Kafka, downloaded unless the cache has it. Safe when several processes do so at once.

    Raises:
        KafkaMissing: Java, Maven or Maven Central is not there.
    """
    java = _java(environment)
    wanted = cache.absolute() / f"jars-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if not wanted.is_dir():
        _download(wanted, environment)
    return Distribution(java, wanted)


def _java(environment: Mapping[str, str]) -> str:
    home = environment.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java", path=environment.get("PATH"))
    if java is None or not os.access(java, os.X_OK):
        raise KafkaMissing(f"no Java at {java or 'PATH'}; install Java {MINIMAL_JAVA} or newer, or set JAVA_HOME")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603  # ours
    version = java_version(said)
    if version < MINIMAL_JAVA:
        raise KafkaMissing(f"{java} is Java {version}; Kafka needs {MINIMAL_JAVA} or newer (set JAVA_HOME)")
    return java


def java_version(said: str) -> int:
    """Return the feature release that `java -version` tells, 0 when it tells none; 1.8 is 8."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else 0


def _download(wanted: Path, environment: Mapping[str, str]) -> None:
    maven = shutil.which("mvn", path=environment.get("PATH"))
    if maven is None:
        raise KafkaMissing("no Maven (mvn) on PATH; install it to bring Kafka from Maven Central")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wanted.parent, prefix="bringing-") as scratch:
        jars = Path(scratch) / "jars"
        _copy_dependencies(maven, jars, environment)
        try:
            jars.rename(wanted)
        except OSError:
            if not wanted.is_dir():  # otherwise another process was first
                raise


def _copy_dependencies(maven: str, jars: Path, environment: Mapping[str, str]) -> None:
    options = ("-q", "-B", "-Dstyle.color=never", f"-DoutputDirectory={jars}", "-DincludeScope=runtime")
    try:
        run = subprocess.run(  # noqa: S603  # the machine's Maven with our pom
            [maven, *options, "-f", str(POM), "dependency:copy-dependencies"],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaMissing(f"Maven Central did not deliver Kafka within {_DOWNLOAD_WITHIN_S} s") from error
    if run.returncode:
        raise KafkaMissing(f"Maven could not bring Kafka from Maven Central: {first_error(run.stdout + run.stderr)}")


def first_error(said: str) -> str:
    """Return Maven's first line of error, cut at 200 characters, without its mark."""
    lines = (
        [line for line in said.splitlines() if line.startswith("[ERROR]")] or said.splitlines() or ["it said nothing"]
    )
    return lines[0].removeprefix("[ERROR]").strip()[:200]
