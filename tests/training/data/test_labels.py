"""Which labels of a classifier are learnt from."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from schemas.feedback import FeedbackGiven
from services.scorers.embedding import Embedder
from tests.training.data.poison.test_defence import _labels
from tests.training.data.test_curation import POLICY, SHIFT, TOOLS, _curated, _row
from training.data.curation import Tools, curate
from training.data.dataset import Dataset, LabelledRow


def _said(row: LabelledRow, label: str, *, by: str = "", minutes: float = 2.0, source: str = "user") -> FeedbackGiven:
    return FeedbackGiven(
        event_id=f"{row.request_id}-{source}-{by}-{minutes}-{label}",
        occurred_at=SHIFT + timedelta(minutes=minutes),
        app="guard",
        request_id=row.request_id,
        label=label,
        user_id=by,
        source=source,
    )


def _with(row: LabelledRow, *judgements: FeedbackGiven) -> LabelledRow:
    labels = tuple(sorted({one.label or "" for one in judgements}))
    return msgspec.structs.replace(row, judgements=judgements, labels=labels)


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools(embed=Embedder.load().embed, mask=TOOLS.mask)


def _dataset(rows: Sequence[LabelledRow], tools: Tools) -> Dataset:
    return curate(rows, POLICY, labels=("garden", "engine"), recent_since=SHIFT, tools=tools, trusts=lambda _: 0.5)


def test_labels_by_two_people_that_differ_are_a_conflict_as_ever() -> None:
    row = _row(1, "a prompt", "safe", "unsafe")
    judged = _with(row, _said(row, "safe", by="ada"), _said(row, "unsafe", by="bob"))
    assert _curated([judged]).removed["conflicting_labels"] == 1


def test_honest_labels_give_the_dataset_that_rows_without_judgements_give(tools: Tools) -> None:
    bare = [_row(at, claim.prompt, claim.verdict) for at, claim in enumerate(_labels())]
    judged = [_with(row, _said(row, row.labels[0], by=f"u{at % 30}")) for at, row in enumerate(bare)]
    assert _dataset(judged, tools).digest == _dataset(bare, tools).digest
    assert {example.trust for example in _dataset(judged, tools).examples} == {0.5}


def test_flipped_labels_are_removed_with_their_reason_and_the_others_stay(tools: Tools) -> None:
    claims = _labels(flipped=80)
    rows = [_row(at, claim.prompt, claim.verdict) for at, claim in enumerate(claims)]
    judged = [_with(row, _said(row, claim.verdict, by=claim.user)) for row, claim in zip(rows, claims, strict=True)]
    dataset = _dataset(judged, tools)
    assert dataset.removed["poison_user"] >= 72
    flipped = {row.request_id for row, claim in zip(rows, claims, strict=True) if claim.judgement.startswith("bad")}
    assert sum(example.request_id in flipped for example in dataset.examples) <= 8
    assert len(dataset.examples) + sum(dataset.removed.values()) == len(rows)
