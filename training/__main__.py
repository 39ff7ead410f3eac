"""`python -m training`: orders become jobs, jobs become gated adapter versions.

retraining.requested.v1, adapters.proposed.v1 -> training.changed.v1, adapters.trained.v1

One instance runs in a deployment. Order of effects:
  1. An order is judged and recorded in the control store as a job or as declined.
  2. A declined order is announced, under an id and a time that a replay repeats.
  3. The offsets are committed.
  4. The oldest open job is done by a child process, which announces everything itself.
A kill at any moment leaves the job open in the store; the next start takes it up again.
"""

import logging
import time
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

from schemas.codec import BadRecord, encode
from schemas.ids import derived_id
from schemas.learning import AdapterProposed, RetrainingRequested, TrainingChanged
from schemas.record import Record
from schemas.topics import ADAPTERS_PROPOSED, RETRAINING_REQUESTED
from services.clients.bus.consumer import Consumer
from services.clients.bus.decoding import decoded
from services.clients.bus.errors import BrokerDown
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.store.database import open_store
from services.clients.store.training_jobs import OPEN, Kind, TrainingJob, TrainingJobs
from services.models.places import is_known
from services.parts.runtime.process import Process, running
from training.jobs.announcing import Courier
from training.jobs.ending import fail
from training.jobs.journal import Journal
from training.jobs.measures import Measures
from training.jobs.orders import refusal, unfitness
from training.jobs.workbench import JobFailed, bench_for, folder_of
from training.jobs.worker import Worker

log = logging.getLogger(__name__)

NAME = "training"
POLL_S = 0.3
MAX_CRASHES = 5
BACK_OFF_S = 2.0
_TOPICS = [RETRAINING_REQUESTED.name, ADAPTERS_PROPOSED.name]


def main() -> None:
    """Run until stopped."""
    with running(NAME) as process, closing(Producer(process.settings, NAME)) as producer:
        engine = open_store(process.settings.store_url)
        service = Service(process, TrainingJobs(engine), Courier(producer))
        consumer = _consumer(process)
        if consumer is not None:
            with closing(consumer):
                service.run(consumer)
        engine.dispose()


class Service:
    """Judges orders and keeps one worker busy."""

    def __init__(self, process: Process, jobs: TrainingJobs, send: Courier) -> None:
        self._process = process
        self._jobs = jobs
        self._send = send
        self._worker: Worker | None = None
        self._not_before = 0.0
        self._measures = Measures()

    def run(self, consumer: Consumer) -> None:
        """Run until stopped; a worker at work is ended, its job stays open."""
        try:
            while not self._process.stopping.is_set():
                for message in consumer.poll(POLL_S):
                    self._take(message)  # 1, 2
                consumer.commit()  # 3
                self._keep_working()  # 4
                self._measures.lag.set(consumer.lag())
                caught_up = consumer.assigned and consumer.lag() <= self._process.settings.ready_lag
                self._process.conditions.update(started=True, assigned=consumer.assigned, caught_up=caught_up)
        finally:
            if self._worker is not None:
                self._worker.close()

    def _take(self, message: Message) -> None:
        try:
            order = decoded(message)
        except BadRecord as error:
            self._measures.skipped.labels(NAME, message.topic).inc()
            log.warning("skipped %s/%d@%d: %s", message.topic, message.partition, message.offset, error.reason)
            return
        if isinstance(order, RetrainingRequested | AdapterProposed):
            self._record(order)

    def _record(self, order: RetrainingRequested | AdapterProposed) -> None:
        kind: Kind = "retraining" if isinstance(order, RetrainingRequested) else "proposal"
        job_id = job_id_of(order)
        job = self._jobs.get(job_id) or self._judge(order, job_id, kind)
        self._measures.orders.labels(kind, "declined" if job.state == "declined" else "accepted").inc()
        log.info("job=%s app=%s kind=%s state=%s version=%s", job_id, order.app, kind, job.state, job.version)
        if job.state == "declined":
            self._send(declined(job, order))

    def _judge(self, order: Record, job_id: str, kind: Kind) -> TrainingJob:
        configuration, now = self._process.configuration, datetime.now(UTC)
        has_base = partial(is_known, data=self._process.settings.data)
        if isinstance(order, RetrainingRequested):
            reason = refusal(order, configuration, self._jobs.of_app(order.app), has_base=has_base)
        else:
            reason = unfitness(order.app, configuration, has_base=has_base)
        if reason:
            return self._jobs.decline(job_id, order.app, kind, body=encode(order), at=now, reason=reason)
        return self._jobs.accept(job_id, order.app, kind, body=encode(order), at=now)

    def _keep_working(self) -> None:
        if self._worker is not None and self._worker.exit_code is None:
            return
        if self._worker is not None:
            self._account_for(self._worker)
            self._worker = None
            self._measures.running.set(0)
        job = self._jobs.next_open()
        if job is not None and time.monotonic() >= self._not_before:
            self._jobs.begin(job.job_id, datetime.now(UTC))
            self._worker = Worker(job.job_id)
            self._measures.running.set(1)
            log.info("job=%s app=%s version=%s worker=%d", job.job_id, job.app, job.version, self._worker.pid)

    def _account_for(self, worker: Worker) -> None:
        """Settle a worker's end: a job still open crashed; too many crashes close it."""
        worker.close()
        job = self._jobs.get(worker.job_id)
        if job is None or job.state not in OPEN:
            return
        self._measures.crashes.inc()
        log.warning("job=%s worker ended with status %s", worker.job_id, worker.exit_code)
        self._jobs.crashed(job.job_id, datetime.now(UTC))
        self._not_before = time.monotonic() + BACK_OFF_S
        if job.crashes + 1 >= MAX_CRASHES:
            self._give_up(job)

    def _give_up(self, job: TrainingJob) -> None:
        settings = self._process.settings
        journal = Journal(folder_of(settings, job), self._send)
        try:
            bench = bench_for(
                job, settings, self._process.configuration, journal=journal, clock=lambda: datetime.now(UTC)
            )
        except JobFailed as gone:
            self._jobs.finish(job.job_id, "failed", detail=str(gone), at=datetime.now(UTC))
        else:
            fail(bench, self._jobs, f"its worker died {MAX_CRASHES} times")


def job_id_of(order: RetrainingRequested | AdapterProposed) -> str:
    """Return the id of the job that an order becomes, the same for every reading of it."""
    if isinstance(order, RetrainingRequested):
        return derived_id("training", order.retraining_id)
    return derived_id("proposal", order.proposal_id)


def declined(job: TrainingJob, order: RetrainingRequested | AdapterProposed) -> TrainingChanged:
    """Return the announcement of a declined order, the same at every call."""
    retraining = isinstance(order, RetrainingRequested)
    return TrainingChanged(
        event_id=derived_id("training-declined", job.job_id),
        occurred_at=job.created_at,
        app=order.app,
        model=order.model,
        job_id=job.job_id if isinstance(order, RetrainingRequested) else order.proposal_id,
        retraining_id=order.retraining_id if isinstance(order, RetrainingRequested) else "",
        state="declined",
        detail=job.detail if retraining else f"proposal: {job.detail}",
    )


def _consumer(process: Process) -> Consumer | None:
    while not process.stopping.is_set():
        try:
            return Consumer(process.settings, NAME, _TOPICS)
        except BrokerDown as error:
            log.warning("%s", error)
            process.stopping.wait(1)
    return None


if __name__ == "__main__":
    main()
