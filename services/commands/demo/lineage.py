"""Follows the promoted version's lineage back: every id it names is looked up where it should stand."""

import hashlib
from pathlib import Path

import msgspec

from schemas.learning import Lineage
from schemas.settings import Settings
from schemas.tables import TABLE_BY_TOPIC
from services.clients.registry.artifacts import ArtifactStore
from services.clients.registry.models import ModelRegistry
from services.commands.demo.observer import Observer, Row

WEIGHTS = "adapter_model.safetensors"


def lineage_of(adapter: Row) -> Lineage:
    """Return the lineage that an adapters row carries."""
    return msgspec.json.decode(adapter["lineage"], type=Lineage)


def unresolved(adapter: Row, observer: Observer, settings: Settings) -> list[str]:
    """Return the names of lineage entries that can't be found; an empty list is a complete chain."""
    lineage = lineage_of(adapter)
    version = adapter["adapter_version"]
    registry = ModelRegistry.connect(settings)
    found = {
        "alert_id": observer.first("alerts", "alert_id = {id:String}", id=lineage.alert_id) is not None,
        "retraining_id": observer.first("retrainings", "retraining_id = {id:String}", id=lineage.retraining_id)
        is not None,
        "parent_version": observer.first("adapters", "adapter_version = {v:String}", v=lineage.parent_version)
        is not None,
        "registry_version": bool(lineage.registry_version)
        and registry.number(adapter["app"], version) == lineage.registry_version,
        "run_id": bool(lineage.run_id),
        "dataset_hash": registry.tags(adapter["app"], version).get("dataset_hash") == lineage.dataset_hash != "",
        "adapter_hash": _sha256(_fetched(adapter, settings) / WEIGHTS) == lineage.adapter_hash,
        "offsets": bool(lineage.offsets)
        and all(_stored(observer, source, offset) for source, offset in lineage.offsets.items()),
    }
    return [name for name, there in found.items() if not there]


def _fetched(adapter: Row, settings: Settings) -> Path:
    return ArtifactStore(settings.artifacts).fetch(adapter["artifact_uri"], settings.data / "demo")


def _stored(observer: Observer, source: str, offset: int) -> bool:
    topic, _, partition = source.rpartition("/")
    table = TABLE_BY_TOPIC[topic].name
    where = "partition = {partition:Int32} AND offset = {offset:Int64}"
    return observer.first(table, where, partition=int(partition), offset=offset) is not None


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
