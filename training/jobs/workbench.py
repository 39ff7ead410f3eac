"""Where one job is done: its folder, its order, its announcements, and what it may reach."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from schemas.configuration import App, Configuration
from schemas.ids import derived_id
from schemas.learning import AdapterProposed, RetrainingRequested, TrainingChanged
from schemas.settings import Settings
from schemas.training_policy import Training
from services.clients.store.training_jobs import TrainingJob
from training.jobs.journal import Journal

Order = RetrainingRequested | AdapterProposed
Stage = Literal["curating", "training", "evaluating", "finished", "failed"]
_Value = TypeVar("_Value")
DATASET = "curated.json"
REPORT = "gate.html"


class JobFailed(Exception):
    """A job can't be done, now or later. The message is the reason, for people."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One job's place of work.

    Attributes:
        app: The job's app in the configuration in force.
        folder: `<data>/training/<job id>`, of this job alone.
        clock: Time now, UTC.
    """

    job: TrainingJob
    settings: Settings
    app: App
    policy: Training
    folder: Path
    journal: Journal
    clock: Callable[[], datetime]

    @property
    def order(self) -> Order:
        """The order behind the job."""
        if self.job.kind == "retraining":
            return msgspec.json.decode(self.job.body, type=RetrainingRequested)
        return msgspec.json.decode(self.job.body, type=AdapterProposed)

    @property
    def announced_id(self) -> str:
        """The id by which events name the job: a proposal is known by its own."""
        order = self.order
        return order.proposal_id if isinstance(order, AdapterProposed) else self.job.job_id

    def announce(
        self, stage: Stage, detail: str = "", *, step: int = 0, steps: int = 0, loss: float | None = None
    ) -> None:
        """Tell that the job moved on."""
        order = self.order
        change = TrainingChanged(
            event_id=derived_id("training-changed", self.job.job_id, stage, step, detail),
            occurred_at=self.clock(),
            app=self.app.name,
            model=self.app.base_model,
            adapter_version=self.job.version,
            job_id=self.announced_id,
            retraining_id=order.retraining_id if isinstance(order, RetrainingRequested) else "",
            state=stage,
            detail=detail[:1024],
            step=step,
            steps=steps,
            loss=loss,
        )
        self.journal.tell(change)

    def remembered(self, name: str, kind: type[_Value]) -> _Value | None:
        """Return what a stage left in the folder under a name, None when it was not finished."""
        file = self.folder / name
        return msgspec.json.decode(file.read_bytes(), type=kind) if file.is_file() else None

    def remember(self, name: str, value: object) -> None:
        """Leave a stage's result in the folder, whole or not at all."""
        file = self.folder / name
        scratch = file.with_suffix(".partial")
        scratch.write_bytes(msgspec.json.encode(value))
        os.replace(scratch, file)


def folder_of(settings: Settings, job: TrainingJob) -> Path:
    """Return a job's folder, made if need be. Job ids are UUIDs, so they are plain names."""
    folder = settings.data / "training" / job.job_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def bench_for(
    job: TrainingJob,
    settings: Settings,
    configuration: Configuration,
    *,
    journal: Journal,
    clock: Callable[[], datetime],
) -> Bench:
    """Return the bench of a job.

    Raises:
        JobFailed: Its app has left the configuration.
    """
    app = configuration.app(job.app)
    if app is None:
        raise JobFailed(f"app {job.app} is not in the configuration")
    policy = configuration.training_of(job.app)
    return Bench(job, settings, app, policy, folder_of(settings, job), journal, clock)
