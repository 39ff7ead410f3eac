"""The training service with its real parts: broker, warehouse engine, tiny model, MLflow; killed in the middle."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, Message
from schemas.learning import (
    AdapterProposed,
    AdapterTrained,
    RetrainingRequested,
    RolloutChanged,
    RolloutState,
    Route,
    TrainingChanged,
)
from schemas.record import Record
from schemas.settings import Settings, port_variable
from schemas.tables import TABLE_BY_TOPIC, Position
from schemas.topics import ADAPTERS_TRAINED, TRAINING_CHANGED, topic_of
from services.clients.bus.decoding import decoded
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.clients.registry.models import ModelRegistry
from services.clients.warehouse.client import Warehouse
from tests.fixtures.broker import Broker
from tests.fixtures.ports import free_port
from tests.fixtures.tiny_model import LABEL, Kind, all_texts, make_tiny_model, messages_of, synthetic_prompts
from tests.fixtures.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.broker, pytest.mark.warehouse, pytest.mark.model, pytest.mark.timeout(2400)]

APP = "guard"
TRAINED_WITHIN_S = 900.0
Heard = TypeVar("Heard", TrainingChanged, AdapterTrained)
FLIPPED = {"safe": "unsafe", "unsafe": "safe"}


class Deployment:
    """A training service in a process of its own, and everything it has announced."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment, "OMP_NUM_THREADS": "1"}
        self.settings = Settings.from_environment(self.environment)
        self.announced: list[TrainingChanged | AdapterTrained] = []
        self._tail = Tail(self.settings, [TRAINING_CHANGED.name, ADAPTERS_TRAINED.name])
        self._log = (self.settings.data / "training.log").open("ab")
        self._service: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "training"]
        self._service = subprocess.Popen(command, env=self.environment, stdout=self._log, stderr=self._log)

    def kill(self) -> None:
        assert self._service is not None
        self._service.send_signal(signal.SIGKILL)
        self._service.wait()

    def stop(self) -> int:
        assert self._service is not None
        self._service.terminate()
        return self._service.wait(PATIENCE_S)

    def close(self) -> None:
        if self._service is not None and self._service.poll() is None:
            self.kill()
        self._tail.close()
        self._log.close()

    def order(self, *records: Record) -> None:
        with closing(Producer(self.settings, "test")) as producer:
            for record in records:
                producer.send(record)
            producer.flush()

    def heard(self, kind: type[Heard], wanted: Callable[[Heard], bool]) -> Heard:
        """Return the first announcement that is wanted; wait for it."""

        def found() -> list[Heard]:
            self.announced += [decoded(message) for message in self._tail.poll(0.2)]  # type: ignore[misc]  # of the two topics above
            return [record for record in self.announced if isinstance(record, kind) and wanted(record)]

        try:
            return until(found, patience_s=TRAINED_WITHIN_S)[0]
        except AssertionError as error:
            raise AssertionError(f"no such {kind.__name__}: {self.log[-3000:]}") from error

    @property
    def log(self) -> str:
        return (self.settings.data / "training.log").read_text()


@pytest.fixture(scope="module")
def deployment(
    broker: Broker, warehouse_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    base = make_tiny_model(folder / "base", all_texts(), 1)
    (folder / "driftloop.yaml").write_text(
        f"""
apps:
  - {{name: {APP}, base_model: {base}, labels: [safe, unsafe]}}
training:
  - app: {APP}
    cooldown: 1h
    feedback_window: 1h
    min_rows: 150
    steps: 200
    batch_size: 16
    learning_rate: 0.01
    rank: 8
    gate: {{earlier_margin: 0.1, min_count: 30}}
"""
    )
    environment = {
        **warehouse_environment,
        **broker.environment,
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        port_variable("training"): str(free_port()),
    }
    made = Deployment(environment)
    yield made
    made.close()


def _labelled(kind: Kind, count: int, at: datetime) -> list[Record]:
    records: list[Record] = []
    for number, text in enumerate(synthetic_prompts(kind, count, 1)):
        messages = tuple(Message(role=m["role"], content=m["content"]) for m in messages_of(text))  # type: ignore[arg-type]  # roles of the fixture
        request = f"{kind}-{number}"
        asked = InferenceRequested(
            event_id=f"asked-{request}",
            occurred_at=at,
            app=APP,
            request_id=request,
            messages=messages,
            tags={"slice": kind},
        )
        said = FeedbackGiven(event_id=f"said-{request}", occurred_at=at, app=APP, request_id=request, label=LABEL[kind])
        records += [asked, said]
    return records


def _store(settings: Settings, records: list[Record]) -> None:
    """Store records as the sink does, in one block a table."""
    now = datetime.now(UTC)
    with Warehouse.connect(settings) as warehouse:
        for topic in {topic_of(record).name for record in records}:
            table = TABLE_BY_TOPIC[topic]
            rows = [
                row
                for offset, record in enumerate(records)
                if topic_of(record).name == topic
                for row in table.rows(record, Position("t", 0, offset), now)
            ]
            warehouse.insert(table.name, table.column_names, rows)


def _ordered(name: str, by: str) -> RetrainingRequested:
    now = datetime.now(UTC)
    return RetrainingRequested(
        event_id=f"order-{name}", occurred_at=now, app=APP, retraining_id=name, requested_by=by, monitor="m"
    )


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_retraining_killed_in_the_middle_ends_in_a_gated_version_with_its_lineage(deployment: Deployment) -> None:
    start = datetime.now(UTC) - timedelta(minutes=10)
    _store(deployment.settings, [*_labelled("injection", 120, start), *_labelled("benign", 120, start)])
    deployment.order(_ordered("first", "ada"))
    deployment.start()
    curated = deployment.heard(
        TrainingChanged, lambda change: change.state == "curating" and "removed" in change.detail
    )
    assert re.fullmatch(r"\d+ to train on, \d+ to validate, \d+ held out; removed: [a-z0-9, ]+", curated.detail)
    deployment.heard(TrainingChanged, lambda change: change.state == "training" and change.step >= 5)
    worker = int(deployment.log.rpartition("worker=")[2].split()[0])
    deployment.kill()
    until(lambda: not _alive(worker))  # it does not outlive its service
    assert not (deployment.settings.data / "artifacts" / APP).exists()
    deployment.start()
    trained = deployment.heard(AdapterTrained, lambda record: record.adapter_version == "guard-v1")
    assert trained.gate.passed, trained.gate.reasons
    assert trained.gate.reasons[-1].startswith("unconstrained: ")
    assert 0 <= trained.gate.figures["candidate/unconstrained"] <= 1
    assert trained.lineage.retraining_id == "first"
    assert trained.lineage.offsets.keys() == {"inference.requested.v1/0", "feedback.given.v1/0"}
    folder = Path(trained.artifact_uri)
    written = {file.name for file in folder.iterdir()}
    assert {
        "adapter_config.json",
        "adapter_model.safetensors",
        "gate.json",
        "dataset.json",
        "reference.json",
        "gate.html",
    } <= written
    manifest = json.loads((folder / "dataset.json").read_text())
    assert manifest["dataset_hash"] == trained.lineage.dataset_hash
    deployment.heard(TrainingChanged, lambda change: change.state == "finished")
    steps = [c for c in deployment.announced if isinstance(c, TrainingChanged) and c.state == "training"]
    again = [change for change in steps if sum(other.event_id == change.event_id for other in steps) > 1]
    for change in again:
        assert {other.occurred_at for other in steps if other.event_id == change.event_id} == {change.occurred_at}
    registry = ModelRegistry.connect(deployment.settings)
    assert registry.number(APP, "guard-v1") == trained.lineage.registry_version
    assert registry.tags(APP, "guard-v1")["dataset_hash"] == trained.lineage.dataset_hash


def test_an_order_read_twice_is_done_once_and_a_monitor_waits_for_the_cooldown(deployment: Deployment) -> None:
    deployment.order(_ordered("first", "ada"), _ordered("second", "monitor"))
    declined = deployment.heard(TrainingChanged, lambda change: change.state == "declined")
    assert declined.retraining_id == "second"
    assert "cooling down" in declined.detail
    assert {r.adapter_version for r in deployment.announced if isinstance(r, AdapterTrained)} == {"guard-v1"}


def _promoted(version: str) -> RolloutChanged:
    return RolloutChanged(
        event_id="rollout-1",
        occurred_at=datetime.now(UTC),
        app=APP,
        rollout_id="r",
        state=RolloutState.PROMOTED,
        sequence=1,
        routes=(Route(adapter_version=version, variant="stable", weight=1.0),),
    )


def test_a_proposal_trained_on_flipped_labels_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    first = deployment.heard(AdapterTrained, lambda record: record.adapter_version == "guard-v1")
    _store(deployment.settings, [_promoted("guard-v1"), first])
    kinds: tuple[Kind, ...] = ("injection", "benign")
    rows = [
        {"messages": messages_of(text), "label": FLIPPED[LABEL[kind]]}
        for kind in kinds
        for text in synthetic_prompts(kind, 80, 3)
    ]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    base = str(Path(deployment.environment["DRIFTLOOP_CONFIG"]).parent / "base")
    files = ["--rows", tmp_path / "rows.jsonl", "--base", base, "--out", tmp_path / "adapter"]
    plan = ["--steps", "60", "--learning-rate", "0.01"]
    command = [sys.executable, "-m", "training.methods.fit_file", *map(str, files), *plan]
    subprocess.run(command, env=deployment.environment, check=True, capture_output=True)
    proposal = AdapterProposed(
        event_id="proposal-1",
        occurred_at=datetime.now(UTC),
        app=APP,
        proposal_id="sabotage/1",
        artifact_uri=str(tmp_path / "adapter"),
        proposed_by="mallory",
    )
    missing = msgspec.structs.replace(
        proposal, event_id="proposal-2", proposal_id="nowhere", artifact_uri=str(tmp_path / "absent")
    )
    deployment.order(proposal, missing)
    judged = deployment.heard(AdapterTrained, lambda record: record.job_id == "sabotage/1")
    assert not judged.gate.passed
    assert judged.lineage.parent_version == "guard-v1"
    assert judged.gate.slices[0].incumbent.value > 0.9
    assert judged.gate.slices[0].candidate.value < 0.2
    (forgotten,) = judged.gate.forgetting
    assert (forgotten.held_out_of, forgotten.gone) == ("guard-v1", 0)
    assert forgotten.value < 0.2 < 0.9 < forgotten.served
    failed = deployment.heard(TrainingChanged, lambda change: change.state == "failed")
    assert failed.job_id == "nowhere"
    assert "no adapter in PEFT format" in failed.detail


def test_the_service_stops_cleanly_and_has_logged_no_prompt(deployment: Deployment) -> None:
    assert deployment.stop() == 0
    assert not any(text in deployment.log for text in synthetic_prompts("injection", 120, 1))
