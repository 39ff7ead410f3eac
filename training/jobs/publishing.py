"""The last stage of a job: the adapter's folder with its papers, the registry, the announcement."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from schemas.codec import to_unix_ms
from schemas.ids import derived_id
from schemas.learning import AdapterTrained, GateReport, Lineage, RetrainingRequested
from services.clients.registry.artifacts import REFERENCE, ArtifactStore
from services.clients.registry.models import Measurement, ModelRegistry
from services.scorers.prompts import PromptScorers
from services.scorers.reference import build_reference
from training.data.dataset import Dataset, manifest_of
from training.jobs.workbench import REPORT, Bench

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
GATE = "gate.json"
MANIFEST = "dataset.json"
_VERSION_FOLDER = "version"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is to publish.

    Attributes:
        adapter: The adapter's folder.
        parent: The version served when it was judged, empty for the base model.
        losses: The training's loss by step, empty for a proposal.
    """

    adapter: Path
    dataset: Dataset
    gate: GateReport
    parent: str
    losses: Mapping[int, float]
    train_seconds: float
    gate_seconds: float


def publish(bench: Bench, outcome: Outcome, registry: ModelRegistry) -> AdapterTrained:
    """Return the announcement of a version that lies in the artifact store and stands in the registry.

    Each step may be done again after a kill and then changes nothing.
    """
    folder = _papers(bench, outcome)
    version = bench.job.version
    uri = ArtifactStore(bench.settings.artifacts).publish(folder, bench.app.name, version)
    run = _run(bench, outcome, registry, folder)
    lineage = _lineage(bench, outcome, folder, run)
    number = registry.register(bench.app.name, version, uri=uri, run_id=run, tags=_tags(lineage, outcome.gate))
    registry.finish_run(run, succeeded=True)
    return AdapterTrained(
        event_id=derived_id("adapter-trained", bench.job.job_id),
        occurred_at=bench.clock(),
        app=bench.app.name,
        model=bench.app.base_model,
        adapter_version=version,
        job_id=bench.announced_id,
        artifact_uri=uri,
        gate=outcome.gate,
        lineage=msgspec.structs.replace(lineage, registry_version=number),
        train_seconds=outcome.train_seconds,
        gate_seconds=outcome.gate_seconds,
    )


def _papers(bench: Bench, outcome: Outcome) -> Path:
    """Return a folder with weights, configuration, reference, gate report and manifest."""
    folder = bench.folder / _VERSION_FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(outcome.adapter / WEIGHTS, folder)
    settings = msgspec.json.decode((outcome.adapter / CONFIG).read_bytes(), type=dict[str, object])
    # peft writes the path of this machine's copy; the name holds everywhere.
    (folder / CONFIG).write_bytes(msgspec.json.encode({**settings, "base_model_name_or_path": bench.app.base_model}))
    (folder / GATE).write_bytes(msgspec.json.encode(outcome.gate))
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest_of(outcome.dataset)))
    if (bench.folder / REPORT).is_file():
        shutil.copy(bench.folder / REPORT, folder)
    _write_reference(bench, outcome.dataset, folder)
    return folder


def _write_reference(bench: Bench, dataset: Dataset, folder: Path) -> None:
    """Write what drift is measured against: centres of all training prompts, scores of recent traffic.

    Recent, because that is the traffic the version will meet; of the hold-out and the validation
    slice, because training prompts lie too near to their own centres.
    """
    train = [example.prompt for example in dataset.of("train")]
    unseen = [e for e in (*dataset.of("holdout"), *dataset.of("validation"))]
    held_out = [e.prompt for e in unseen if e.recent] or [e.prompt for e in unseen]
    if train and held_out:
        scorers = PromptScorers.load(bench.settings.data)
        reference = build_reference(bench.job.version, train, held_out, scorers, seed=bench.policy.seed)
        (folder / REFERENCE).write_bytes(msgspec.json.encode(reference))


def _run(bench: Bench, outcome: Outcome, registry: ModelRegistry, folder: Path) -> str:
    parameters = {**msgspec.to_builtins(bench.policy), "kind": bench.job.kind, "base_model": bench.app.base_model}
    gate = parameters.pop("gate")
    parameters.update({f"gate.{name}": value for name, value in gate.items()}, dataset_hash=outcome.dataset.digest)
    run = registry.start_run(bench.app.name, bench.job.job_id, parameters)
    measured = [Measurement("loss", loss, step) for step, loss in outcome.losses.items()]
    for part in outcome.gate.slices:
        measured.append(Measurement(f"{part.role}/{_plain(part.name)}/candidate", part.candidate.value))
        measured.append(Measurement(f"{part.role}/{_plain(part.name)}/incumbent", part.incumbent.value))
    measured += [Measurement(f"forgetting/{_plain(c.held_out_of)}", c.value) for c in outcome.gate.forgetting]
    measured += [Measurement(_plain_path(name), value) for name, value in outcome.gate.figures.items()]
    registry.log_measurements(run, measured, unix_ms=to_unix_ms(bench.job.created_at))
    registry.log_file(run, folder / GATE)
    registry.log_file(run, folder / MANIFEST)
    if (folder / REPORT).is_file():
        registry.log_file(run, folder / REPORT)
    return run


def _lineage(bench: Bench, outcome: Outcome, folder: Path, run: str) -> Lineage:
    order = bench.order
    ordered = isinstance(order, RetrainingRequested)
    return Lineage(
        alert_id=order.alert_id if isinstance(order, RetrainingRequested) else "",
        retraining_id=order.retraining_id if isinstance(order, RetrainingRequested) else "",
        parent_version=outcome.parent,
        offsets=outcome.dataset.offsets,
        dataset_hash=outcome.dataset.digest,
        dataset_rows=len(outcome.dataset.of("train")) if ordered else 0,
        removed=outcome.dataset.removed,
        adapter_hash=hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        run_id=run,
    )


def _tags(lineage: Lineage, gate: GateReport) -> dict[str, str]:
    return {
        "alert_id": lineage.alert_id,
        "retraining_id": lineage.retraining_id,
        "parent_version": lineage.parent_version,
        "dataset_hash": lineage.dataset_hash,
        "adapter_hash": lineage.adapter_hash,
        "gate": "passed" if gate.passed else "refused",
    }


def _plain_path(name: str) -> str:
    return "/".join(_plain(part) for part in name.split("/"))


def _plain(name: str) -> str:
    """Return a name as MLflow allows it in metrics."""
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)
