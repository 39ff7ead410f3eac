"""Probes of what keeps the events and the records: broker, warehouse, control store, registry, artifacts."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from schemas.settings import LOOPBACK, Settings
from schemas.topics import TOPICS
from services.clients.bus.errors import BrokerDown
from services.clients.bus.topics import topic_ids
from services.clients.registry.artifacts import ArtifactStore
from services.clients.store.database import store_is_there
from services.clients.warehouse.client import Warehouse, WarehouseDown, WarehouseRefused
from services.commands.probing.probe import NotYet, Probe, Wrong
from services.embedded.state import is_running
from services.parts.addresses import shown, unreached

_PREPARE = "`python -m services.commands.prepare` makes what is missing"
_EXPERIMENTS = "/api/2.0/mlflow/experiments/search"
_LATER = "will be made when it is first needed"


def backing_probes(
    settings: Settings, timeout_s: float, environment: Mapping[str, str] = os.environ
) -> Iterator[Probe]:
    """Yield a probe of each. They change nothing."""
    yield Probe("broker", settings.kafka, lambda: _broker(settings))
    yield Probe("warehouse", shown(settings.warehouse_url), lambda: _warehouse(settings))
    yield Probe(
        "control store", shown(settings.store_url), lambda: _database(settings.store_url, "DRIFTLOOP_STORE_URL")
    )
    yield Probe("registry", shown(settings.mlflow_uri), lambda: _registry(settings.mlflow_uri, timeout_s, environment))
    yield Probe("artifacts", shown(settings.artifacts), lambda: _artifacts(settings.artifacts))


def _broker(settings: Settings) -> str:
    own = settings.kafka == f"{LOOPBACK}:{settings.ports['broker']}"
    try:
        there = topic_ids(settings)
    except BrokerDown as error:
        raise _silent(settings, own, "DRIFTLOOP_KAFKA") from error
    names = [name for topic in TOPICS for name in (topic.name, topic.dead_letter)]
    missing = [name for name in names if name not in there]
    if missing:
        raise Wrong(f"answers, but {len(missing)} of {len(names)} topics are missing, {missing[0]} first; {_PREPARE}")
    return f"answers; all {len(names)} topics are there"


def _warehouse(settings: Settings) -> str:
    own = settings.warehouse_url == f"http://{LOOPBACK}:{settings.ports['warehouse']}"
    try:
        with Warehouse.connect(settings) as warehouse:
            warehouse.query("SELECT 1")
    except WarehouseDown as error:
        raise _silent(settings, own, "DRIFTLOOP_WAREHOUSE_URL") from error
    except WarehouseRefused as error:
        if "UNKNOWN_DATABASE" in str(error):
            raise Wrong(f"answers, but has no database {settings.warehouse_database}; {_PREPARE}") from error
        raise Wrong("refuses us; mend user and password in DRIFTLOOP_WAREHOUSE_URL") from error
    return f"answers; database {settings.warehouse_database} is there"


def _silent(settings: Settings, own: bool, variable: str) -> Exception:
    if not own:
        return Wrong(f"nobody answers; start it, or mend {variable}")
    if is_running(settings.data):
        return Wrong("does not answer although the stack runs; see `driftloop status`")
    return NotYet("not running; `driftloop up` starts it")


def _database(url: str, variable: str) -> str:
    try:
        return "answers" if store_is_there(url) else _makeable(Path(make_url(url).database or "."))
    except ArgumentError as error:
        raise Wrong(f"not the address of a database; mend {variable}") from error
    except DBAPIError as error:
        raise Wrong(f"{_reason(str(error.orig))}; start it, or mend {variable}") from error


def _reason(text: str) -> str:
    """Return what a driver says in words of our own: its own may hold names."""
    known = {
        "refused": "connection refused",
        "authentication failed": "it does not let this user in",
        "does not exist": "it has no such database or user",
        "resolve": "unknown host",
        "not a database": "this file is no database",
        "unable to open": "the file can't be opened",
    }
    return next((words for part, words in known.items() if part in text), "no usable answer")


def _registry(uri: str, timeout_s: float, environment: Mapping[str, str]) -> str:
    if not uri.startswith(("http://", "https://")):
        return _database(uri, "DRIFTLOOP_MLFLOW_URI")
    try:
        answer = httpx.post(
            uri.rstrip("/") + _EXPERIMENTS,
            json={"max_results": 1},
            timeout=timeout_s,
            auth=_authorised(environment),
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Wrong(f"{unreached(error)}; start MLflow, or mend DRIFTLOOP_MLFLOW_URI") from error
    if answer.status_code in (401, 403):
        raise Wrong(f"does not let us in ({answer.status_code}); set MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN")
    if not answer.is_success:
        raise Wrong(f"answers {answer.status_code} where MLflow would list experiments; mend DRIFTLOOP_MLFLOW_URI")
    return "answers"


def _authorised(environment: Mapping[str, str]) -> Callable[[httpx.Request], httpx.Request] | httpx.BasicAuth | None:
    token = environment.get("MLFLOW_TRACKING_TOKEN", "")
    user = environment.get("MLFLOW_TRACKING_USERNAME", "")
    if user:
        return httpx.BasicAuth(user, environment.get("MLFLOW_TRACKING_PASSWORD", ""))
    return _Bearer(token) if token else None


class _Bearer:
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _artifacts(root: str) -> str:
    local = Path(root.removeprefix("file://")) if "://" not in root or root.startswith("file://") else None
    if local is not None:
        return _makeable(local)
    try:
        return "can be read" if ArtifactStore(root).is_there() else _LATER
    except ImportError as error:
        raise Wrong(f"{error}; or mend DRIFTLOOP_ARTIFACTS") from error
    except ValueError as error:
        raise Wrong("an address of no known kind; mend DRIFTLOOP_ARTIFACTS") from error
    except OSError as error:
        raise Wrong(f"{error.strerror or type(error).__name__}; mend it or DRIFTLOOP_ARTIFACTS") from error


def _makeable(path: Path) -> str:
    """Judge a file or folder that the stack makes for itself."""
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if not os.access(there, os.W_OK):
        raise Wrong(f"{there} can't be written by you; mend its rights, or DRIFTLOOP_DATA")
    return "can be written" if there == path.absolute() else _LATER
