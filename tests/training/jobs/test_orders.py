"""Which orders become jobs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from schemas.configuration import App, Configuration
from schemas.learning import RetrainingRequested
from schemas.training_policy import Training
from services.clients.store.training_jobs import TrainingJob
from training.jobs.orders import refusal, unfitness

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
CONFIGURATION = Configuration(
    apps=(
        App(name="guard", base_model="tiny", labels=("safe", "unsafe")),
        App(name="chat", base_model="tiny"),
        App(name="bare", base_model="tiny", task="classify"),
        App(name="elsewhere", base_model="theirs", upstreams=("http://vllm:8000",), labels=("safe", "unsafe")),
    ),
    training=(Training(app="guard", cooldown="10m"),),
)
ORDER = RetrainingRequested(event_id="e1", occurred_at=NOW, app="guard", retraining_id="r1")


def _refusal(order: RetrainingRequested, jobs: Sequence[TrainingJob]) -> str:
    return refusal(order, CONFIGURATION, jobs, has_base=lambda name: name == "tiny")


def _unfitness(app: str) -> str:
    return unfitness(app, CONFIGURATION, has_base=lambda name: name == "tiny")


def _job(**changes: object) -> TrainingJob:
    fields: dict[str, object] = {
        "job_id": "j1",
        "app": "guard",
        "kind": "retraining",
        "state": "finished",
        "number": 1,
        "body": b"",
        "detail": "",
        "crashes": 0,
        "recent_since": None,
        "created_at": NOW - timedelta(hours=1),
        "updated_at": NOW - timedelta(hours=1),
    }
    return TrainingJob(**{**fields, **changes})  # type: ignore[arg-type]  # the fields of one job


def test_a_first_order_is_accepted() -> None:
    assert _refusal(ORDER, []) == ""


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_second_retraining_is_declined_while_one_is_under_way(state: str) -> None:
    assert _refusal(ORDER, [_job(state=state)]) == "a retraining is under way (guard-v1)"


def test_an_operator_waits_for_the_retraining_under_way_too() -> None:
    order = msgspec.structs.replace(ORDER, requested_by="ada")
    assert _refusal(order, [_job(state="running")]) == "a retraining is under way (guard-v1)"


def test_a_proposal_under_way_is_no_obstacle() -> None:
    assert _refusal(ORDER, [_job(kind="proposal", state="running")]) == ""


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_a_monitor_is_declined_until_the_cooldown_is_over(state: str) -> None:
    just_before, at = NOW - timedelta(minutes=9, seconds=59), NOW - timedelta(minutes=10)
    assert "cooling down" in _refusal(ORDER, [_job(state=state, updated_at=just_before)])
    assert _refusal(ORDER, [_job(state=state, updated_at=at)]) == ""


def test_an_operator_need_not_wait_for_the_cooldown() -> None:
    order = msgspec.structs.replace(ORDER, requested_by="ada")
    assert _refusal(order, [_job(updated_at=NOW)]) == ""


def test_a_declined_order_does_not_start_a_cooldown() -> None:
    assert _refusal(ORDER, [_job(state="declined", updated_at=NOW)]) == ""


def test_an_unknown_app_and_one_without_labels_are_declined() -> None:
    assert _unfitness("nobody") == "app nobody is not in the configuration"
    assert _unfitness("bare") == "app bare has no labels to learn, two are needed"
    assert _unfitness("guard") == ""


def test_an_app_that_writes_needs_no_labels() -> None:
    assert _unfitness("chat") == ""


def test_an_app_whose_base_model_only_its_upstreams_have_is_declined_with_what_to_do() -> None:
    order = msgspec.structs.replace(ORDER, app="elsewhere")
    assert _refusal(order, []) == _unfitness("elsewhere")
    assert _unfitness("elsewhere") == (
        "base model theirs of app elsewhere is not here: put it, in transformers' format, "
        "into models/theirs of the data folder"
    )
