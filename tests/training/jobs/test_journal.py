"""A job repeats its announcements word for word."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from schemas.learning import AdapterTrained, GateReport, Lineage, TrainingChanged
from schemas.record import Record
from training.jobs.journal import Journal

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STEP = TrainingChanged(event_id="e1", occurred_at=NOW, app="guard", job_id="j", state="training", step=5, loss=0.5)
TRAINED = AdapterTrained(
    event_id="e2",
    occurred_at=NOW,
    app="guard",
    job_id="j",
    artifact_uri="/artifacts/guard-v1",
    gate=GateReport(passed=True, reasons=(), slices=()),
    lineage=Lineage(dataset_hash="abc"),
)


def test_a_resumed_job_sends_what_was_written_first(tmp_path: Path) -> None:
    sent: list[Record] = []
    Journal(tmp_path, sent.append).tell(STEP)
    later = msgspec.structs.replace(STEP, occurred_at=NOW + timedelta(minutes=1), loss=0.4)
    Journal(tmp_path, sent.append).tell(later)
    assert sent == [STEP, STEP]


def test_the_finished_adapter_and_the_losses_are_found_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda _: None)
    assert journal.trained is None
    journal.tell(STEP)
    journal.tell(TRAINED)
    again = Journal(tmp_path, lambda _: None)
    assert again.trained == TRAINED
    assert again.losses == {5: 0.5}
    assert again.first("training") == STEP
    assert again.first("evaluating") is None


def test_a_line_torn_by_a_kill_is_dropped_and_written_anew(tmp_path: Path) -> None:
    Journal(tmp_path, lambda _: None).tell(STEP)
    file = tmp_path / "announced.jsonl"
    file.write_bytes(file.read_bytes() + b'{"type":"AdapterTr')
    journal = Journal(tmp_path, lambda _: None)
    assert journal.trained is None
    journal.tell(TRAINED)
    assert Journal(tmp_path, lambda _: None).trained == TRAINED
