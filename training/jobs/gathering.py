"""The first stage of a job: wait for enough judged traffic, then curate it. Needs no torch."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from schemas.durations import parse_duration
from schemas.learning import AdapterProposed, RetrainingRequested
from services.clients.store.training_jobs import TrainingJob, TrainingJobs
from services.clients.warehouse.client import Warehouse, WarehouseDown
from services.scorers.embedding import Embedder
from services.scorers.pii import mask
from training.data.curation import Tools
from training.data.dataset import Dataset, Split
from training.data.sources import Material, Source, calls, labels
from training.data.traffic import breached_at
from training.jobs.workbench import DATASET, Bench, JobFailed, Order

log = logging.getLogger(__name__)

POLL_S = 2.0
PATIENCE_S = 600.0
_AHEAD = timedelta(days=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

Lead = Callable[[str], timedelta]


def gathered(bench: Bench, jobs: TrainingJobs, lead: Lead) -> Dataset:
    """Return the job's dataset: the remembered one, or a new one once there are enough recent rows.

    Looks every two seconds for at most ten minutes; an unreachable warehouse is waited for likewise.

    Args:
        bench: The job's.
        jobs: Where the boundary between recent and earlier is kept, for later proposals.
        lead: How long before its first breach a monitor's window began, by the monitor's name.

    Raises:
        JobFailed: Too few rows came.
    """
    known = bench.remembered(DATASET, Dataset)
    if known is not None:
        return known
    if bench.app.does == "classify":
        return _curated(bench, jobs, lead, labels(bench.app, bench.policy))
    return _curated(bench, jobs, lead, calls(bench.app, bench.policy))


def _curated(bench: Bench, jobs: TrainingJobs, lead: Lead, source: Source[Material]) -> Dataset:
    since, material = _enough(bench, jobs, lead, source)
    jobs.set_recent_since(bench.job.job_id, since)
    dataset = source.curate(material, since, Tools(embed=Embedder.load().embed, mask=mask))
    if isinstance(bench.order, RetrainingRequested) and not dataset.of("train"):
        raise JobFailed(f"curation left nothing to train on, removed {dataset.removed}")
    bench.remember(DATASET, dataset)
    bench.announce("curating", _account(dataset))
    return dataset


def _account(dataset: Dataset) -> str:
    kept: dict[Split, str] = {"train": "to train on", "validation": "to validate", "holdout": "held out"}
    removed = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in dataset.removed.items() if count)
    rows = ", ".join(f"{len(dataset.of(split))} {purpose}" for split, purpose in kept.items())
    return f"{rows}; removed: {removed or 'none'}"


def recent_since(
    order: Order, breach: datetime | None, lead: timedelta, *, earlier_jobs: Sequence[TrainingJob], reach: timedelta
) -> datetime:
    """Return from when traffic counts as recent.

    For an alert: from the beginning of the first window in breach. For a proposal: from where the last
    finished job drew the line, so that both are judged on the same held-out prompts. Otherwise, and
    never further back for an alert: `reach` (the policy's feedback_window) before the order.
    """
    horizon = order.occurred_at - reach
    if breach is not None:
        return max(horizon, breach - lead)
    lines = [job.recent_since for job in earlier_jobs if job.state == "finished" and job.recent_since is not None]
    return lines[-1] if isinstance(order, AdapterProposed) and lines else horizon


def _enough(bench: Bench, jobs: TrainingJobs, lead: Lead, source: Source[Material]) -> tuple[datetime, Material]:
    give_up_at = time.monotonic() + PATIENCE_S
    wanted = f"{bench.policy.min_rows} recent {source.noun}"
    seen = -1
    while True:
        count = 0
        try:
            with Warehouse.connect(bench.settings) as warehouse:
                since = _boundary(bench, warehouse, jobs, lead)
                if since is not None:
                    recent = source.read(warehouse, since, bench.clock() + _AHEAD)
                    count = source.count(recent)
                    if isinstance(bench.order, AdapterProposed) or count >= bench.policy.min_rows:
                        return since, source.join(recent, source.read(warehouse, _BEGINNING, since))
        except WarehouseDown as error:
            log.warning("job=%s waits for the warehouse: %s", bench.job.job_id, type(error).__name__)
        if count != seen:
            seen, give_up_at = count, time.monotonic() + PATIENCE_S
            bench.announce("curating", f"{seen} of {wanted}")
        if time.monotonic() > give_up_at:
            raise JobFailed(f"only {seen} of {wanted}, and none has come for {PATIENCE_S:.0f} s")
        time.sleep(POLL_S)


def _boundary(bench: Bench, warehouse: Warehouse, jobs: TrainingJobs, lead: Lead) -> datetime | None:
    """Return from when traffic counts as recent, None while the order's alert is not stored yet."""
    order, breach = bench.order, None
    if isinstance(order, RetrainingRequested) and order.alert_id:
        breach = breached_at(warehouse, bench.app.name, order.alert_id)
        if breach is None:
            return None
    return recent_since(
        order,
        breach,
        lead(order.monitor) if isinstance(order, RetrainingRequested) else timedelta(0),
        earlier_jobs=jobs.of_app(bench.app.name),
        reach=parse_duration(bench.policy.feedback_window),
    )
