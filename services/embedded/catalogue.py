"""The processes of the stack, in the order in which they start, and what each needs before it."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.configuration import Configuration
from schemas.settings import LOOPBACK, Settings, port_variable
from services.clients.bus.topics import create_topics
from services.clients.warehouse.migrations import migrate

Prepare = Callable[[Settings], None]
PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Program:
    """How to start a process and how to tell that it is well.

    Attributes:
        name: Its key in Settings.ports; its log is logs/<name>.log.
        command: Program and arguments.
        needs: Programs that must be well before its first start.
        health: "http" asks `health_path` on its port, "tcp" connects to it.
        prepare: Runs after every start once it answers, before it counts as well. Must bear repetition.
        environment: Variables of its own.
        niceness: 0 competes for the processor like everyone else, 19 waits for all others.
        urgent: It need not wait for others' turns to end when there is something to do: users wait for it.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    health: Literal["http", "tcp"] = "http"
    health_path: str = "/healthz"
    prepare: Prepare | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0
    urgent: bool = False


def _module(name: str, *command: str, needs: tuple[str, ...] = ("broker",), **how: object) -> Program:
    return Program(name, (PYTHON, "-m", *command), needs, **how)  # type: ignore[arg-type]  # fields of Program by name


def _all_cores() -> Mapping[str, str]:
    """Return what lets a torch process use the machine; its threads sleep rather than spin while they wait."""
    return {"OMP_NUM_THREADS": str(os.cpu_count() or 1), "OMP_WAIT_POLICY": "PASSIVE"}


_BOTH = ("broker", "warehouse")
# Users' calls come first: gateway and model server compete with everyone, the others yield to them: a little what
# people look at or send to, more what has little to do, most what works on every event, and training.
_ASKED, _SELDOM, _BUSY = 5, 10, 15

CATALOGUE: tuple[Program, ...] = (
    _module("broker", "services.embedded.broker", needs=(), health="tcp", prepare=create_topics, niceness=_BUSY),
    _module("warehouse", "services.embedded.warehouse", needs=(), prepare=migrate, niceness=_ASKED),
    _module(
        "model_server", "services.model_server", needs=(), environment={**_all_cores(), "DRIFTLOOP_HOST": LOOPBACK}
    ),
    _module("gateway", "services.gateway", urgent=True),
    _module("collector", "services.collector", niceness=_ASKED),
    _module("sink", "services.sink", needs=_BOTH, niceness=_BUSY),
    _module("functional", "stream_processors", "functional", niceness=_BUSY),
    _module("safety", "stream_processors", "safety", niceness=_BUSY),
    _module("quality", "stream_processors", "quality", niceness=_BUSY),
    _module("drift", "stream_processors", "drift", niceness=_BUSY),
    _module("monitors", "stream_processors", "monitors", niceness=_BUSY),
    _module("alerting", "services.alerting", niceness=_SELDOM),
    _module("training", "training", needs=_BOTH, environment=_all_cores(), niceness=_BUSY),
    _module("rollout", "services.rollout", needs=_BOTH, niceness=_SELDOM),
    _module("control", "services.control", needs=_BOTH, niceness=_ASKED),
    _module("dashboard", "dashboards", needs=("warehouse",), health_path="/_stcore/health", niceness=_ASKED),
)


# The scorers that cost more than to see every call; without one there is nothing for it to do.
GUARD = _module("guard", "stream_processors", "guard", environment=_all_cores(), niceness=_BUSY)


def programs_for(configuration: Configuration, *, guarded: bool = False) -> tuple[Program, ...]:
    """Return what `driftloop up` runs: the catalogue, the model server only when an app has no upstreams of its own.

    Args:
        guarded: Whether a scorer is configured that the guard processor is for.
    """
    left_out = {"model_server"} if all(app.upstreams for app in configuration.apps) else set()
    programs = tuple(program for program in CATALOGUE if program.name not in left_out)
    return (*programs, GUARD) if guarded else programs


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the variables under which every child reads the same settings and stays within a small machine.

    One numeric thread a process: sixteen processes with a pool each would only get in each other's way.
    """
    deployment = {
        "BROKER": settings.broker,
        "DATA": str(settings.data),
        "CONFIG": str(settings.configuration),
        "KAFKA": settings.kafka,
        "WAREHOUSE_URL": settings.warehouse_url,
        "WAREHOUSE_DATABASE": settings.warehouse_database,
        "STORE_URL": settings.store_url,
        "MLFLOW_URI": settings.mlflow_uri,
        "ARTIFACTS": settings.artifacts,
        "HOST": settings.host,
        "PUBLISH": settings.published,
        "KEYS": "" if settings.keys == "by-address" else settings.keys,
        "LOG_LEVEL": settings.log_level,
        "LOG_HOURS": str(settings.log_hours),
        "LOG_BYTES": str(settings.log_bytes),
    }
    return {
        **{f"DRIFTLOOP_{name}": value for name, value in deployment.items()},
        **{port_variable(name): str(port) for name, port in settings.ports.items()},
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MALLOC_ARENA_MAX": "2",
        "PYTHONUNBUFFERED": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    }
