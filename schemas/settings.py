"""Endpoints, ports and folders of one deployment, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

DEFAULT_PORTS = {
    "broker": 19092,
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
}
Profile = Literal["embedded", "kafka"]


class BadSetting(ValueError):
    """An environment variable has no usable value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment. `from_environment` documents the variables.

    Attributes:
        profile: "embedded" tunes clients to the laptop broker; "kafka" keeps library defaults.
        ports: Where each process listens on this machine; for processes without an API of their
            own it is their /healthz and /metrics port.
        urls: Base URLs of processes that others reach elsewhere than at this machine's port.
    """

    profile: Profile
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

    def url(self, process: str) -> str:
        """Return the base URL at which other processes reach this one."""
        here = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104  # compared, not bound
        return self.urls.get(process, f"http://{here}:{self.ports[process]}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read DRIFTLOOP_{PROFILE,DATA,CONFIG,KAFKA,WAREHOUSE_URL,WAREHOUSE_DATABASE,STORE_URL,
        MLFLOW_URI,ARTIFACTS,HOST,LOG_LEVEL} and DRIFTLOOP_<PROCESS>_{PORT,URL}.

        Unset variables mean the embedded profile under .driftloop/ with the ports of DEFAULT_PORTS.

        Raises:
            BadSetting: A port is no port, or the profile is unknown.
        """
        ports = {name: _port(environment, name, default) for name, default in DEFAULT_PORTS.items()}
        host = environment.get("DRIFTLOOP_HOST", "127.0.0.1")
        data = Path(environment.get("DRIFTLOOP_DATA", ".driftloop")).absolute()
        return cls(
            profile=_profile(environment.get("DRIFTLOOP_PROFILE", "embedded")),
            data=data,
            configuration=Path(environment.get("DRIFTLOOP_CONFIG", "driftloop.yaml")).absolute(),
            kafka=environment.get("DRIFTLOOP_KAFKA", f"{host}:{ports['broker']}"),
            warehouse_url=environment.get("DRIFTLOOP_WAREHOUSE_URL", f"http://{host}:{ports['warehouse']}"),
            warehouse_database=environment.get("DRIFTLOOP_WAREHOUSE_DATABASE", "driftloop"),
            store_url=environment.get("DRIFTLOOP_STORE_URL", f"sqlite:///{data / 'control.db'}"),
            mlflow_uri=environment.get("DRIFTLOOP_MLFLOW_URI", f"sqlite:///{data / 'mlflow.db'}"),
            artifacts=environment.get("DRIFTLOOP_ARTIFACTS", str(data / "artifacts")),
            host=host,
            log_level=environment.get("DRIFTLOOP_LOG_LEVEL", "INFO").upper(),
            ports=ports,
            urls={name: environment[url_variable(name)] for name in ports if url_variable(name) in environment},
        )


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


def _profile(text: str) -> Profile:
    if text == "embedded":
        return "embedded"
    if text == "kafka":
        return "kafka"
    raise BadSetting(f"DRIFTLOOP_PROFILE: {text!r} is neither 'embedded' nor 'kafka'")
