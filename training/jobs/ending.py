"""How a job ends that can't be done, and what no job leaves behind. The service uses it too, so it holds little."""

import logging
import shutil

from services.clients.store.training_jobs import TrainingJobs
from training.jobs.workbench import DATASET, REPORT, Bench

log = logging.getLogger(__name__)

_REMOVED = ("checkpoints", "adapter", "version", DATASET, REPORT)


def fail(bench: Bench, jobs: TrainingJobs, reason: str) -> None:
    """Close a job that can't be done, and say why."""
    log.warning("job=%s app=%s failed: %s", bench.job.job_id, bench.app.name, reason)
    bench.announce("failed", reason)
    clear(bench)
    jobs.finish(bench.job.job_id, "failed", detail=reason, at=bench.clock())


def clear(bench: Bench) -> None:
    """Remove everything from a job's folder that holds text or can be had elsewhere."""
    for name in _REMOVED:
        path = bench.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
