"""Held-out sets of earlier versions, read from the real engine."""

import msgspec
import pytest

from schemas.feedback import FeedbackGiven
from schemas.inference import Message
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
from tests.services.rollout.builders import trained
from tests.training.data.test_traffic import NOW, asked, store
from training.data.dataset import Manifest, ManifestRow
from training.data.earlier import drawn, earlier_versions, read_again

pytestmark = pytest.mark.warehouse


def _row(request_id: str, *, label: str = "", split: str = "holdout") -> ManifestRow:
    assert split in ("holdout", "train")
    return ManifestRow(
        request_id=request_id,
        digest="",
        label=label,
        slice="s",
        recent=True,
        split="holdout" if split == "holdout" else "train",
    )


def _corrected(name: str, text: str, *, app: str, again: str = "") -> FeedbackGiven:
    return FeedbackGiven(
        event_id=f"corrected-{app}-{name}{again}",
        occurred_at=NOW.replace(minute=len(again)),
        app=app,
        request_id=f"{app}-{name}",
        correction=Message(role="assistant", content=text),
    )


def _mask(text: str) -> tuple[str, int]:
    return text.replace("ada", "<PERSON>"), text.count("ada")


def test_prompts_come_back_with_their_label_or_the_correction_that_stands(warehouse: Settings) -> None:
    rows = [_row("again-a", label="safe"), _row("again-b"), _row("again-c"), _row("again-gone")]
    with Warehouse.connect(warehouse) as client:
        store(client, *(asked(name, f"prompt of ada {name}", app="again") for name in "abc"), partition=7)
        store(
            client,
            _corrected("b", "first", app="again"),
            _corrected("b", "then ada", app="again", again="later"),
            partition=7,
            start=10,
        )
        found = read_again(client, "again", rows, _mask)
    assert [(e.request_id, e.label, e.kind, e.answer.text if e.answer else "") for e in found] == [
        ("again-a", "safe", "label", ""),
        ("again-b", "", "target", "then <PERSON>"),
    ]
    assert found[0].prompt == "prompt of <PERSON> a"


def test_nothing_is_asked_for_no_rows(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        assert read_again(client, "again", [], _mask) == []


def test_the_apps_other_versions_are_told(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        store(client, trained("again-v1"), trained("again-v2"), partition=8)
        found = earlier_versions(client, "prompt-guard", but="again-v2", limit=50)
    assert "again-v1" in found
    assert "again-v2" not in found


def test_the_same_held_out_rows_are_drawn_every_time() -> None:
    rows = tuple(_row(str(at), split="holdout" if at % 2 else "train") for at in range(40))
    manifest = Manifest(dataset_hash="", recent_since=NOW, removed={}, masked=0, offsets={}, rows=rows)
    chosen = drawn(manifest, 10)
    assert chosen == drawn(msgspec.structs.replace(manifest, rows=rows[::-1]), 10)
    assert {row.split for row in chosen} == {"holdout"}
