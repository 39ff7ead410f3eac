"""What the training service has been asked to do and how far it is: the memory that survives its kills.

A job is recorded before the order behind it is committed on the broker, under an id derived from that
order, so an order that is read twice is one job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    Column,
    Engine,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)

from services.clients.store.columns import METADATA, Instant

Kind = Literal["retraining", "proposal"]
State = Literal["queued", "running", "finished", "failed", "declined"]
OPEN: tuple[State, ...] = ("queued", "running")

TRAINING_JOBS = Table(
    "training_jobs",
    METADATA,
    Column("job_id", String(256), primary_key=True),
    Column("app", String(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("number", Integer, nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("detail", String(1024), nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("recent_since", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("app", "number", name="training_jobs_number_once"),
)


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One job.

    Attributes:
        number: N of the version `<app>-v<N>` in the making; None for a declined order. Never reused.
        body: The order's record as it stood on the broker.
        crashes: How often its worker has died while the service lived.
        recent_since: From when labelled traffic counts as recent; None until curation has found it.
    """

    job_id: str
    app: str
    kind: Kind
    state: State
    number: int | None
    body: bytes
    detail: str
    crashes: int
    recent_since: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def version(self) -> str:
        """Name of the version in the making, empty for a declined order."""
        return "" if self.number is None else f"{self.app}-v{self.number}"


class TrainingJobs:
    """The table of jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accept(self, job_id: str, app: str, kind: Kind, *, body: bytes, at: datetime) -> TrainingJob:
        """Queue a job under the app's next version number; a known id is returned as it is."""
        return self._add(job_id, app, kind, body=body, at=at, declined_because=None)

    def decline(self, job_id: str, app: str, kind: Kind, *, body: bytes, at: datetime, reason: str) -> TrainingJob:
        """Record an order that is not carried out; a known id is returned as it is."""
        return self._add(job_id, app, kind, body=body, at=at, declined_because=reason)

    def get(self, job_id: str) -> TrainingJob | None:
        """Return a job by id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(TRAINING_JOBS).where(TRAINING_JOBS.c.job_id == job_id)).first()
        return _job(row) if row else None

    def of_app(self, app: str) -> Sequence[TrainingJob]:
        """Return an app's jobs, the oldest first."""
        query = select(TRAINING_JOBS).where(TRAINING_JOBS.c.app == app).order_by(*_AGE)
        with self._engine.connect() as connection:
            return [_job(row) for row in connection.execute(query)]

    def next_open(self) -> TrainingJob | None:
        """Return the oldest job that is neither finished, failed nor declined."""
        query = select(TRAINING_JOBS).where(TRAINING_JOBS.c.state.in_(OPEN)).order_by(*_AGE).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return _job(row) if row else None

    def begin(self, job_id: str, at: datetime) -> None:
        """Note that a worker takes the job up, again or for the first time."""
        self._change(job_id, state="running", updated_at=at)

    def crashed(self, job_id: str, at: datetime) -> None:
        """Note that the job's worker died."""
        self._change(job_id, crashes=TRAINING_JOBS.c.crashes + 1, updated_at=at)

    def set_recent_since(self, job_id: str, instant: datetime) -> None:
        """Note from when traffic counts as recent for this job."""
        self._change(job_id, recent_since=instant)

    def finish(self, job_id: str, state: Literal["finished", "failed"], *, detail: str, at: datetime) -> None:
        """Close a job."""
        self._change(job_id, state=state, detail=detail[:1024], updated_at=at)

    def _add(
        self, job_id: str, app: str, kind: Kind, *, body: bytes, at: datetime, declined_because: str | None
    ) -> TrainingJob:
        table = TRAINING_JOBS
        with self._engine.begin() as connection:
            known = connection.execute(select(table).where(table.c.job_id == job_id)).first()
            if known is None:
                last = connection.execute(select(func.max(table.c.number)).where(table.c.app == app)).scalar()
                values = {
                    "job_id": job_id,
                    "app": app,
                    "kind": kind,
                    "state": "queued" if declined_because is None else "declined",
                    "number": (last or 0) + 1 if declined_because is None else None,
                    "body": body,
                    "detail": (declined_because or "")[:1024],
                    "crashes": 0,
                    "created_at": at,
                    "updated_at": at,
                }
                connection.execute(insert(table).values(values))
                known = connection.execute(select(table).where(table.c.job_id == job_id)).one()
        return _job(known)

    def _change(self, job_id: str, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(TRAINING_JOBS).where(TRAINING_JOBS.c.job_id == job_id).values(values))


_AGE = (TRAINING_JOBS.c.created_at, TRAINING_JOBS.c.number, TRAINING_JOBS.c.job_id)


def _job(row: Row[tuple[object, ...]]) -> TrainingJob:
    return TrainingJob(**row._mapping)
