"""Endpoints, ports and folders of one deployment, read once from the environment."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from schemas.listening import DEFAULT_LISTENING, BadListening, Listening
from schemas.topics import TOPIC_BY_NAME

DEFAULT_PORTS = {
    "broker": 19092,
    "broker_controller": 19093,
    "warehouse": 18123,
    "model_server": 18000,
    "gateway": 18080,
    "collector": 18090,
    "control": 18070,
    "dashboard": 18501,
    "functional": 18101,
    "safety": 18102,
    "quality": 18103,
    "drift": 18104,
    "monitors": 18105,
    "sink": 18106,
    "alerting": 18107,
    "training": 18108,
    "rollout": 18109,
    "receiver": 18110,
    "guard": 18111,
    # Where OpenTelemetry's exporters send traces unless told otherwise; the collector listens there too.
    "otlp": 4318,
    "otlp_grpc": 4317,
}
LOOPBACK = "127.0.0.1"
INWARD = ("broker", "broker_controller", "warehouse", "model_server")
"""What `driftloop up` runs for its own processes alone: it listens at LOOPBACK, whatever DRIFTLOOP_HOST says."""
Broker = Literal["kafka", "light"]
Keys = Literal["by-address", "required", "open"]
WhenFull = Literal["block", "drop-oldest"]
DEFAULT_SPOOL_BYTES = 512 * 1024 * 1024
LEAST_SPOOL_BYTES = 8 * 1024 * 1024
DEFAULT_READY_LAG = 10_000
DEFAULT_LOG_HOURS = 7 * 24
DEFAULT_LOG_BYTES = 1024 * 1024 * 1024
LEAST_LOG_BYTES = 128 * 1024 * 1024


class BadSetting(ValueError):
    """An environment variable has no usable value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment. `from_environment` documents the variables.

    Attributes:
        broker: What `kafka` leads to. "kafka" is Apache Kafka, which `driftloop up` runs itself;
            "light" is a broker in memory for machines that cannot have it, and tunes clients to it.
        ports: Where each process listens on this machine; for processes without an API of their
            own it is their /healthz and /metrics port.
        urls: Base URLs of processes that others reach elsewhere than at this machine's port.
        spool_bytes: Bound on the disk that gateway and collector each use while the broker is away.
        collector_when_full: What the collector does with a full spool: have senders wait and then
            answer 503, or drop the oldest events and count them. The gateway always drops the
            oldest: a user's call must not fail for the sake of its record.
        ready_lag: A process that has more messages to read than this is not ready.
        accept_poison: Topics of which the sink goes on although nearly everything is poison.
        log_hours: How long the broker that `driftloop up` runs keeps a message.
        log_bytes: How much of one partition it keeps at most, whatever its age.
        listening: How the HTTP processes listen.
        published: The address at which others reach what listens on `host`: another one in a container.
        keys: Whether gateway, collector and control ask for keys. "by-address" asks for them unless
            only this machine can reach them.
    """

    broker: Broker
    data: Path
    configuration: Path
    kafka: str
    warehouse_url: str
    warehouse_database: str
    store_url: str
    mlflow_uri: str
    artifacts: str
    host: str
    log_level: str
    ports: Mapping[str, int] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    spool_bytes: int = DEFAULT_SPOOL_BYTES
    collector_when_full: WhenFull = "block"
    ready_lag: int = DEFAULT_READY_LAG
    accept_poison: frozenset[str] = frozenset()
    log_hours: int = DEFAULT_LOG_HOURS
    log_bytes: int = DEFAULT_LOG_BYTES
    listening: Listening = DEFAULT_LISTENING
    published: str = LOOPBACK
    keys: Keys = "by-address"

    @property
    def keys_required(self) -> bool:
        """Whether nobody comes in without a key."""
        return self.keys == "required" or (self.keys == "by-address" and not is_loopback(self.published))

    @property
    def why_keys(self) -> str:
        """What in the environment has keys required."""
        if self.keys == "required":
            return "DRIFTLOOP_KEYS is required"
        return f"{'DRIFTLOOP_HOST' if self.published == self.host else 'DRIFTLOOP_PUBLISH'} is {self.published}"

    @property
    def here(self) -> str:
        """The address at which this machine's processes reach each other."""
        return "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104  # compared, not bound

    def url(self, process: str) -> str:
        """Return the base URL at which other processes reach this one."""
        host = LOOPBACK if process in INWARD else self.here
        return self.urls.get(process, f"{self.listening.scheme(process)}://{host}:{self.ports[process]}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read DRIFTLOOP_{BROKER,DATA,CONFIG,KAFKA,WAREHOUSE_URL,WAREHOUSE_DATABASE,STORE_URL,MLFLOW_URI,
        ARTIFACTS,HOST,LOG_LEVEL,SPOOL_BYTES,COLLECTOR_WHEN_FULL,READY_LAG,ACCEPT_POISON,LOG_HOURS,LOG_BYTES,
        PUBLISH,KEYS} and DRIFTLOOP_<PROCESS>_{PORT,URL}. ACCEPT_POISON takes topic names, comma-separated.
        What Listening reads comes on top.

        Unset variables mean everything on this machine, under .driftloop/ with the ports of DEFAULT_PORTS.

        Raises:
            BadSetting: A port is no port, a number none, or a name unknown.
        """
        ports = {name: _port(environment, name, default) for name, default in DEFAULT_PORTS.items()}
        host = environment.get("DRIFTLOOP_HOST", "127.0.0.1")
        data = Path(environment.get("DRIFTLOOP_DATA", ".driftloop")).absolute()
        return cls(
            broker=_broker(environment.get("DRIFTLOOP_BROKER", "kafka")),
            data=data,
            configuration=Path(environment.get("DRIFTLOOP_CONFIG", "driftloop.yaml")).absolute(),
            kafka=environment.get("DRIFTLOOP_KAFKA", f"{LOOPBACK}:{ports['broker']}"),
            warehouse_url=environment.get("DRIFTLOOP_WAREHOUSE_URL", f"http://{LOOPBACK}:{ports['warehouse']}"),
            warehouse_database=environment.get("DRIFTLOOP_WAREHOUSE_DATABASE", "driftloop"),
            store_url=environment.get("DRIFTLOOP_STORE_URL", f"sqlite:///{data / 'control.db'}"),
            mlflow_uri=environment.get("DRIFTLOOP_MLFLOW_URI", f"sqlite:///{data / 'mlflow.db'}"),
            artifacts=environment.get("DRIFTLOOP_ARTIFACTS", str(data / "artifacts")),
            host=host,
            log_level=environment.get("DRIFTLOOP_LOG_LEVEL", "INFO").upper(),
            ports=ports,
            urls={name: environment[url_variable(name)] for name in ports if url_variable(name) in environment},
            spool_bytes=_at_least(LEAST_SPOOL_BYTES, environment, "DRIFTLOOP_SPOOL_BYTES", DEFAULT_SPOOL_BYTES),
            collector_when_full=_when_full(environment.get("DRIFTLOOP_COLLECTOR_WHEN_FULL", "block")),
            ready_lag=_at_least(0, environment, "DRIFTLOOP_READY_LAG", DEFAULT_READY_LAG),
            accept_poison=_topics(environment.get("DRIFTLOOP_ACCEPT_POISON", "")),
            log_hours=_at_least(1, environment, "DRIFTLOOP_LOG_HOURS", DEFAULT_LOG_HOURS),
            log_bytes=_at_least(LEAST_LOG_BYTES, environment, "DRIFTLOOP_LOG_BYTES", DEFAULT_LOG_BYTES),
            listening=_listening(environment),
            published=environment.get("DRIFTLOOP_PUBLISH") or host,
            keys=_keys(environment.get("DRIFTLOOP_KEYS", "")),
        )


def _listening(environment: Mapping[str, str]) -> Listening:
    try:
        return Listening.from_environment(environment)
    except BadListening as error:
        raise BadSetting(str(error)) from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    variable = port_variable(name)
    text = environment.get(variable, str(default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise BadSetting(f"{variable}: not a port: {text!r}")
    return int(text)


def port_variable(process: str) -> str:
    """Return the environment variable that moves a process to another port."""
    return f"DRIFTLOOP_{process.upper()}_PORT"


def url_variable(process: str) -> str:
    """Return the environment variable that says where others reach a process."""
    return f"DRIFTLOOP_{process.upper()}_URL"


def _at_least(least: int, environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable, str(default))
    if not text.isdigit() or int(text) < least:
        raise BadSetting(f"{variable}: not a whole number of at least {least}: {text!r}")
    return int(text)


def _topics(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",")) - {""}
    if unknown := sorted(names - TOPIC_BY_NAME.keys()):
        raise BadSetting(f"DRIFTLOOP_ACCEPT_POISON: no topic is called {unknown[0]!r}")
    return names


def _when_full(text: str) -> WhenFull:
    if text == "block":
        return "block"
    if text == "drop-oldest":
        return "drop-oldest"
    raise BadSetting(f"DRIFTLOOP_COLLECTOR_WHEN_FULL: {text!r} is neither 'block' nor 'drop-oldest'")


def _keys(text: str) -> Keys:
    if text == "required":
        return "required"
    if text == "open":
        return "open"
    if text == "":
        return "by-address"
    raise BadSetting(f"DRIFTLOOP_KEYS: {text!r} is neither 'required' nor 'open'")


def _broker(text: str) -> Broker:
    if text == "kafka":
        return "kafka"
    if text == "light":
        return "light"
    raise BadSetting(f"DRIFTLOOP_BROKER: {text!r} is neither 'kafka' nor 'light'")
