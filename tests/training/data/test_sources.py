"""What a job learns from, by what its app does."""

from datetime import timedelta

import msgspec
import pytest

from schemas.configuration import App
from schemas.inference import Message
from schemas.settings import Settings
from schemas.training_policy import Training
from services.clients.warehouse.client import Warehouse
from tests.training.data.test_curation import TOOLS
from tests.training.data.test_judged_traffic import answered, judged
from tests.training.data.test_traffic import NOW, asked, said, store
from training.data.drawing import is_held_out
from training.data.sources import calls, labels

pytestmark = pytest.mark.warehouse

POLICY = Training(app="writes", method="kto", max_rows=50)
RIGHT = Message(role="assistant", content="right")


def test_an_app_that_writes_learns_from_recent_and_earlier_judged_calls(warehouse: Settings) -> None:
    app, policy = App(name="writes", base_model="tiny"), POLICY
    with Warehouse.connect(warehouse) as client:
        store(client, answered("old", "x", app="writes", minutes=-90), answered("new", "wrong", app="writes"))
        store(client, answered("left", "standing", app="writes"), start=5)
        store(client, judged("old", app="writes", score=1.0), judged("new", app="writes", correction=RIGHT), start=9)
        source = calls(app, policy)
        recent = source.read(client, NOW, NOW + timedelta(hours=1))
        earlier = source.read(client, NOW - timedelta(days=1), NOW)
        taken = calls(app, msgspec.structs.replace(policy, undisputed="wanted"))
        both = taken.read(client, NOW, NOW + timedelta(hours=1))
    dataset = source.curate(source.join(recent, earlier), NOW, TOOLS)
    assert [call.request_id for call in recent.calls] == ["writes-new"]
    assert sorted(call.request_id for call in both.calls) == ["writes-left", "writes-new"]
    assert source.noun == "usable examples"
    assert {example.request_id for example in dataset.examples} <= {"writes-old", "writes-new"}
    assert dataset.offsets["feedback.given.v1/0"] == 10


def test_a_classifier_learns_from_labels(warehouse: Settings) -> None:
    app = App(name="guards", base_model="tiny", labels=("safe", "unsafe"))
    with Warehouse.connect(warehouse) as client:
        store(client, asked("a", "hello", app="guards"), said("a", "safe", app="guards"))
        source = labels(app, Training(app="guards"))
        rows = source.read(client, NOW, NOW + timedelta(hours=1))
    dataset = source.curate(rows, NOW, TOOLS)
    assert source.count(rows) == 1
    assert [(e.label, e.split) for e in dataset.examples] == [
        ("safe", "holdout" if is_held_out("hello", 0.3) else "train")
    ]
