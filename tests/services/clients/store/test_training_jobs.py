"""The table of training jobs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.clients.store.database import open_store
from services.clients.store.training_jobs import TrainingJobs

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def jobs(store_url: str) -> Iterator[TrainingJobs]:
    engine = open_store(store_url)
    yield TrainingJobs(engine)
    engine.dispose()


def test_an_order_read_twice_is_one_job_with_one_version(jobs: TrainingJobs) -> None:
    first = jobs.accept("j1", "guard", "retraining", body=b"{}", at=NOW)
    assert jobs.accept("j1", "guard", "retraining", body=b"{}", at=NOW + timedelta(hours=1)) == first
    assert first.version == "guard-v1"


def test_version_numbers_count_up_by_app_and_are_never_reused(jobs: TrainingJobs) -> None:
    jobs.accept("j1", "guard", "retraining", body=b"{}", at=NOW)
    jobs.finish("j1", "failed", detail="no rows", at=NOW)
    assert jobs.accept("j2", "guard", "proposal", body=b"{}", at=NOW).version == "guard-v2"
    assert jobs.accept("j3", "other", "proposal", body=b"{}", at=NOW).version == "other-v1"


def test_a_declined_order_takes_no_version_and_is_never_open(jobs: TrainingJobs) -> None:
    declined = jobs.decline("j1", "guard", "retraining", body=b"{}", at=NOW, reason="cooling down")
    assert (declined.version, declined.detail) == ("", "cooling down")
    assert jobs.next_open() is None
    assert jobs.accept("j2", "guard", "retraining", body=b"{}", at=NOW).version == "guard-v1"


def test_a_running_job_is_still_open_after_a_restart(jobs: TrainingJobs) -> None:
    jobs.accept("j1", "guard", "retraining", body=b"{}", at=NOW)
    jobs.accept("j2", "guard", "proposal", body=b"{}", at=NOW + timedelta(seconds=1))
    jobs.begin("j1", NOW)
    jobs.crashed("j1", NOW)
    jobs.begin("j1", NOW)
    opened = jobs.next_open()
    assert opened is not None
    assert (opened.job_id, opened.state, opened.crashes) == ("j1", "running", 1)
    jobs.finish("j1", "finished", detail="", at=NOW)
    following = jobs.next_open()
    assert following is not None
    assert following.job_id == "j2"


def test_the_boundary_of_recent_traffic_comes_back_as_it_was_stored(jobs: TrainingJobs) -> None:
    jobs.accept("j1", "guard", "retraining", body=b"{}", at=NOW)
    jobs.set_recent_since("j1", NOW)
    job = jobs.get("j1")
    assert job is not None
    assert job.recent_since == NOW
