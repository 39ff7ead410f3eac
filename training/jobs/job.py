"""`python -m training.jobs.job JOB`: one job from its order to its announcement, in a process of its own.

The service starts it, so that a training's memory goes back when it ends and the service stays
responsive. Order of effects, each of which may be repeated after a kill:
  1. dataset, adapter and gate report go into the job's folder, stage by stage
  2. the version goes to the artifact store and the registry
  3. the announcement is written down, then sent until it is acknowledged
  4. texts and checkpoints are removed from the folder
  5. the job is closed in the control store
  6. the drift report is made, best effort
"""

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

from filelock import FileLock

from schemas.configuration import Configuration
from schemas.durations import parse_duration
from schemas.learning import AdapterTrained
from schemas.settings import Settings
from services.clients.bus.producer import Producer
from services.clients.registry.artifacts import ArtifactStore
from services.clients.store.database import open_store
from services.clients.store.training_jobs import OPEN, TrainingJobs
from services.models.threads import share_cores
from services.parts.runtime.logs import configure_logging
from services.parts.runtime.process import read_configuration
from training.data.dataset import Dataset
from training.jobs.announcing import Courier
from training.jobs.ending import clear, fail
from training.jobs.gathering import gathered
from training.jobs.journal import Journal
from training.jobs.workbench import Bench, JobFailed, bench_for, folder_of

log = logging.getLogger(__name__)

NAME = "training-job"
_LOCK_WITHIN_S = 30.0


def main() -> None:
    """Do the job named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.jobs.job", description="Do one recorded training job.")
    parser.add_argument("job", help="its id in the control store")
    parser.add_argument("--leashed", action="store_true", help="end when standard input does")
    given = parser.parse_args()
    if given.leashed:
        threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    share_cores(os.environ)
    os.environ["HF_HUB_OFFLINE"] = "1"
    settings = Settings.from_environment()
    configure_logging(NAME, settings.log_level)
    jobs = TrainingJobs(open_store(settings.store_url))
    job = jobs.get(given.job)
    if job is None:
        print(f"{NAME}: no job {given.job} in the control store", file=sys.stderr)
        sys.exit(2)
    folder = folder_of(settings, job)
    with FileLock(folder / "lock", timeout=_LOCK_WITHIN_S), closing(Producer(settings, NAME)) as producer:
        configuration = read_configuration(settings)
        journal = Journal(folder, Courier(producer))
        try:
            bench = bench_for(job, settings, configuration, journal=journal, clock=_now)
        except JobFailed as gone:
            jobs.finish(job.job_id, "failed", detail=str(gone), at=_now())
            return
        if job.state in OPEN:
            do(bench, jobs, configuration)


def do(bench: Bench, jobs: TrainingJobs, configuration: Configuration) -> None:
    """Do a job to its end, whatever was done of it before."""
    try:
        dataset, trained = _trained(bench, jobs, configuration)
        bench.journal.tell(trained)  # 3
        clear(bench)  # 4
        verdict = "passed" if trained.gate.passed else "refused"
        detail = f"gate {verdict}: {'; '.join(trained.gate.reasons)}"
        bench.announce("finished", detail)
        jobs.finish(bench.job.job_id, "finished", detail=detail, at=bench.clock())  # 5
    except JobFailed as failure:
        fail(bench, jobs, str(failure))
        return
    if dataset is not None:
        _report(bench, dataset)  # 6


def lead_of(configuration: Configuration) -> Callable[[str], timedelta]:
    """Return how long a monitor's window is, by its name; nothing for a monitor that is gone."""
    windows = {monitor.name: parse_duration(monitor.window) for monitor in configuration.monitors}
    return lambda monitor: windows.get(monitor, timedelta(0))


def _trained(bench: Bench, jobs: TrainingJobs, configuration: Configuration) -> tuple[Dataset | None, AdapterTrained]:
    announced = bench.journal.trained
    if announced is not None:
        return None, announced
    bench.announce("curating", f"{bench.job.kind} taken up as {bench.job.version}")
    # Imported only now: with it come torch and peft, seconds in which nobody would hear of the job.
    from training.jobs.learning import learn

    dataset = gathered(bench, jobs, lead_of(configuration))
    return dataset, learn(bench, dataset)


def _report(bench: Bench, dataset: Dataset) -> None:
    os.nice(10)
    # Imported only now, for the same reason.
    from services.clients.registry.models import ModelRegistry
    from training.judging.drift_report import write_report

    file = write_report(dataset, bench.settings.data, bench.folder)
    if file is not None:
        store = ArtifactStore(bench.settings.artifacts)
        store.add(bench.app.name, bench.job.version, name=file.name, content=file.read_bytes())
        registry = ModelRegistry.connect(bench.settings)
        registry.log_file(registry.start_run(bench.app.name, bench.job.job_id, {}), file)
        log.info("job=%s drift report made", bench.job.job_id)


def _now() -> datetime:
    return datetime.now(UTC)


def _end_with_parent() -> None:
    """Wait for the end of standard input, which comes when the service is gone, however it went."""
    # Unbuffered: a buffered reader's lock, held in here, is fatal when the interpreter shuts down.
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
