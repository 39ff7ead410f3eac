"""The middle of a job, where models run: fit or copy the candidate, judge it, publish it.

Importing this module imports torch, transformers, peft and later MLflow: only a job's own process does.
"""

import contextlib
import ctypes
import gc
import logging
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from transformers.utils import logging as transformers_logging

from schemas.learning import AdapterProposed, AdapterTrained, GateReport
from services.clients.registry.artifacts import ArtifactStore
from services.clients.registry.models import ModelRegistry
from services.clients.warehouse.client import Warehouse, WarehouseDown
from services.models.base import UnknownModel, base_model_folder
from services.models.end_marks import EndMarkDisagrees
from training.data.dataset import Dataset
from training.data.traffic import served_version
from training.jobs.gating import Rivals, gate_report
from training.jobs.publishing import CONFIG, GATE, WEIGHTS, Outcome, publish
from training.jobs.workbench import Bench, JobFailed
from training.methods.adapters import AdapterUnavailable
from training.methods.catalogue import method_of
from training.methods.lessons import ADAPTER, Lessons, NothingLearnt, Progress

log = logging.getLogger(__name__)

FETCHED = "fetched"
_PARENT = "parent.json"
_RETRY_S = 2.0


def learn(bench: Bench, dataset: Dataset) -> AdapterTrained:
    """Return the announcement of the job's version, published and registered.

    Every stage leaves its result in the job's folder, so that after a kill it is not done again.

    Raises:
        JobFailed: The proposed adapter can't be used, or what is served can't be found.
    """
    transformers_logging.disable_progress_bar()
    with ThreadPoolExecutor(1, thread_name_prefix="registry") as connecting:
        # Its imports and first migration take seconds that fitting has to spare.
        registry: Future[ModelRegistry] = connecting.submit(ModelRegistry.connect, bench.settings)
        base = _base(bench)
        parent = _parent(bench)
        incumbent = _incumbent(bench, parent)
        candidate = _candidate(bench, dataset, base, incumbent)
        rivals = Rivals(base=base, candidate=candidate, incumbent=incumbent, served=parent)
        gate = _gated(bench, dataset, rivals)
        return publish(bench, _outcome(bench, dataset, candidate, gate, parent), registry.result())


def _base(bench: Bench) -> Path:
    try:
        return base_model_folder(bench.app.base_model, bench.settings.data)
    except UnknownModel as error:
        raise JobFailed(str(error)) from error


def _candidate(bench: Bench, dataset: Dataset, base: Path, incumbent: Path | None) -> Path:
    """Return the adapter to judge: the proposed one, or one fitted from where the incumbent stands."""
    order = bench.order
    if isinstance(order, AdapterProposed):
        return _copied(order.artifact_uri, bench)
    lessons = Lessons(dataset.of("train"), bench.app.labels, dataset.of("validation"), start=incumbent)
    bench.announce("training", f"on {len(lessons.train)} rows", steps=bench.policy.steps)

    def told(progress: Progress) -> None:
        detail = f"{progress.left_out} answers too long to learn" if progress.left_out else ""
        bench.announce("training", detail, step=progress.step, steps=progress.steps, loss=progress.loss)

    method = method_of(bench.policy, bench.app)
    try:
        fitted = method.fit(base, lessons, bench.policy, work=bench.folder, on_progress=told)
    except (NothingLearnt, AdapterUnavailable, EndMarkDisagrees) as error:
        raise JobFailed(str(error)) from error
    _give_memory_back()
    return fitted


def _give_memory_back() -> None:
    """Return the freed training model's memory to the system before the gate loads a model of its own.

    The allocator would keep it: 0.4 GB more at the job's peak with SmolLM2.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _copied(uri: str, bench: Bench) -> Path:
    """Return a copy of a proposed adapter: configuration and weights alone, nothing that could run."""
    target = bench.folder / ADAPTER
    target.mkdir(exist_ok=True)
    try:
        source = ArtifactStore(bench.settings.artifacts).fetch(uri, bench.folder / FETCHED)
        for name in (CONFIG, WEIGHTS):
            shutil.copy(source / name, target / name)
    except (OSError, ValueError) as error:
        raise JobFailed(f"no adapter in PEFT format at {uri}: {error}") from error
    return target


def _parent(bench: Bench) -> str:
    """Return the version that is served when the job learns; once found it stays."""
    known = bench.remembered(_PARENT, str)
    while known is None:
        try:
            with Warehouse.connect(bench.settings) as warehouse:
                known = served_version(warehouse, bench.app.name)
        except WarehouseDown as error:
            log.warning("job=%s waits for the warehouse: %s", bench.job.job_id, type(error).__name__)
            time.sleep(_RETRY_S)
    bench.remember(_PARENT, known)
    return known


def _gated(bench: Bench, dataset: Dataset, rivals: Rivals) -> GateReport:
    known = bench.remembered(GATE, GateReport)
    if known is not None:
        return known
    held_out = dataset.of("holdout")
    bench.announce("evaluating", f"on {len(held_out)} held-out prompts")
    report = gate_report(bench, held_out, rivals)
    bench.remember(GATE, report)
    return report


def _incumbent(bench: Bench, parent: str) -> Path | None:
    store = ArtifactStore(bench.settings.artifacts)
    if not parent:
        return None
    try:
        return store.fetch(store.folder(bench.app.name, parent), bench.folder / FETCHED)
    except (OSError, ValueError) as error:
        raise JobFailed(f"the served version {parent} is not in the artifact store") from error


def _outcome(bench: Bench, dataset: Dataset, candidate: Path, gate: GateReport, parent: str) -> Outcome:
    now = bench.clock()
    fitted, judged = bench.journal.first("training"), bench.journal.first("evaluating")
    judged_at = judged.occurred_at if judged else now
    return Outcome(
        adapter=candidate,
        dataset=dataset,
        gate=gate,
        parent=parent,
        losses=bench.journal.losses,
        train_seconds=(judged_at - fitted.occurred_at).total_seconds() if fitted else 0.0,
        gate_seconds=max(0.0, (now - judged_at).total_seconds()),
    )
