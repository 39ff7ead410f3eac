"""Curation: what is thrown out, what is held out, what is drawn."""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inference import Message
from schemas.training_policy import Training
from training.data.curation import Tools, curate
from training.data.dataset import Dataset, Example, LabelledRow, manifest_of
from training.data.drawing import balanced, is_held_out
from training.data.duplicates import Vectors, normalised, originals

SHIFT = datetime(2026, 1, 31, 12, tzinfo=UTC)
POLICY = Training(app="guard", max_rows=100, replay_share=0.5, holdout_share=0.3)


def _row(at: int, prompt: str, *labels: str, slice_: str = "", minutes: float = 1.0, role: str = "user") -> LabelledRow:
    """Return a request `minutes` after the shift (negative: before)."""
    return LabelledRow(
        request_id=f"r{at}",
        messages=(Message(role="system", content="judge"), Message(role=role, content=prompt)),  # type: ignore[arg-type]  # tests a missing user message too
        labels=labels,
        slice=slice_,
        occurred_at=SHIFT + timedelta(minutes=minutes),
        offsets={"inference.requested.v1/0": at, f"feedback.given.v1/{at % 2}": 10 * at},
    )


def _rows(
    count: int, *, start: int = 0, label: str = "safe", slice_: str = "", minutes: float = 1.0
) -> list[LabelledRow]:
    return [
        _row(at, f"prompt number {at}", label, slice_=slice_, minutes=minutes) for at in range(start, start + count)
    ]


def _distinct_vectors(texts: Sequence[str]) -> Vectors:
    """Return vectors under which only texts with the same first word after 'twin' are alike."""
    random = {text: np.random.default_rng(zlib.crc32(_family(text).encode())).normal(size=64) for text in texts}
    rows = np.array([random[text] for text in texts] or np.zeros((0, 64)), np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)


def _family(text: str) -> str:
    return " ".join(text.split()[:2]) if text.startswith("twin") else text


def _mask(text: str) -> tuple[str, int]:
    return text.replace("jane@example.com", "<EMAIL_ADDRESS>"), text.count("jane@example.com")


TOOLS = Tools(embed=_distinct_vectors, mask=_mask)


def _curated(rows: Sequence[LabelledRow], policy: Training = POLICY) -> Dataset:
    return curate(rows, policy, labels=("safe", "unsafe"), recent_since=SHIFT, tools=TOOLS)


def test_the_same_rows_give_the_same_dataset_in_whatever_order_they_come() -> None:
    rows = [*_rows(60), *_rows(60, start=100, label="unsafe", minutes=-5)]
    assert _curated(rows) == _curated(rows[::-1])
    assert _curated(rows).digest == _curated(rows[::-1]).digest


def test_another_label_is_another_dataset() -> None:
    rows = _rows(40)
    changed = [*rows[:-1], _row(39, "prompt number 39", "unsafe")]
    assert _curated(rows).digest != _curated(changed).digest


def test_rows_that_cannot_be_learnt_from_are_counted_out() -> None:
    dataset = _curated(
        [
            _row(1, "disputed", "safe", "unsafe"),
            _row(2, "foreign", "maybe"),
            _row(3, "  ", "safe"),
            _row(4, "no user message", "safe", role="assistant"),
            _row(5, "repeated", "safe"),
            _row(6, "Repeated ", "safe"),
            _row(7, "disagreed", "safe"),
            _row(8, "DISAGREED", "unsafe"),
            _row(9, "good", "safe"),
        ]
    )
    assert dataset.removed == {
        "conflicting_labels": 3,
        "duplicate": 1,
        "empty": 2,
        "over_quota": 0,
        "unknown_label": 1,
    }
    assert sorted(example.prompt for example in dataset.examples) == ["good", "repeated"]


def test_every_row_is_either_kept_or_counted() -> None:
    rows = [*_rows(300), *_rows(300, start=300, minutes=-9), _row(900, "x", "nolabel")]
    dataset = _curated(rows)
    assert len(dataset.examples) + sum(dataset.removed.values()) == len(rows)


def test_a_repeated_prompt_counts_where_it_was_seen_last() -> None:
    dataset = _curated([_row(1, "again", "safe", minutes=-5), _row(2, "again", "safe", minutes=5)])
    assert [example.recent for example in dataset.examples] == [True]


@given(st.text(min_size=1), st.floats(0.05, 0.5), st.floats(0.0, 0.4))
def test_a_prompt_held_out_stays_held_out_when_the_share_grows(prompt: str, share: float, more: float) -> None:
    if is_held_out(prompt, share):
        assert is_held_out(prompt, share + more)


@given(st.text())
def test_case_and_white_space_do_not_move_a_prompt_out_of_the_hold_out(prompt: str) -> None:
    variant = f"  {prompt}\n"
    assert normalised(variant) == normalised(prompt)
    assert is_held_out(variant, 0.3) == is_held_out(prompt, 0.3)


def test_the_hold_out_has_about_its_share_and_never_meets_training() -> None:
    dataset = _curated(_rows(1000), Training(app="guard", max_rows=5000, holdout_share=0.3))
    held_out = {example.prompt for example in dataset.of("holdout")}
    assert 240 < len(held_out) < 360
    assert not held_out & {e.prompt for e in (*dataset.of("train"), *dataset.of("validation"))}


def test_a_held_out_prompt_is_held_out_in_every_later_dataset() -> None:
    first = {e.prompt for e in _curated(_rows(200)).of("holdout")}
    later = _curated([*_rows(200, minutes=-60), *_rows(200, start=200)])
    assert not first & {e.prompt for e in (*later.of("train"), *later.of("validation"))}


def test_training_rows_that_resemble_held_out_ones_are_removed() -> None:
    twins = [_row(at, f"twin {at % 20} version {at}", "safe") for at in range(400)]
    dataset = _curated(twins)
    families = [_family(example.prompt) for example in dataset.examples]
    assert len(families) == len(set(families))
    assert dataset.removed["near_held_out"] > 0
    assert dataset.removed["near_duplicate"] > 0


def test_replayed_rows_match_their_share_of_the_training_rows() -> None:
    dataset = _curated([*_rows(300), *_rows(300, start=300, minutes=-9)])
    drawn = [*dataset.of("train"), *dataset.of("validation")]
    assert len(drawn) == POLICY.max_rows
    assert sum(not example.recent for example in drawn) == 50


def test_a_replay_share_of_a_quarter_draws_one_earlier_row_for_three_recent_ones() -> None:
    policy = Training(app="guard", max_rows=1000, replay_share=0.25, holdout_share=0.3)
    dataset = _curated([*_rows(300), *_rows(300, start=300, minutes=-9)], policy)
    drawn = [*dataset.of("train"), *dataset.of("validation")]
    recent = sum(example.recent for example in drawn)
    assert len(drawn) - recent == pytest.approx(recent / 3, abs=1)


def test_without_earlier_traffic_recent_rows_fill_the_whole_quota() -> None:
    dataset = _curated(_rows(300))
    assert len(dataset.of("train")) + len(dataset.of("validation")) == POLICY.max_rows


def test_a_draw_is_as_even_over_labels_and_slices_as_there_are_some() -> None:
    many, few = _rows(200, slice_="a"), _rows(30, start=200, label="unsafe", slice_="b")
    dataset = _curated([*many, *few], Training(app="guard", max_rows=60, replay_share=0.0, holdout_share=0.1))
    drawn = [*dataset.of("train"), *dataset.of("validation")]
    assert sum(example.label == "unsafe" for example in drawn) >= 25


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 70))
def test_a_balanced_draw_never_differs_by_more_than_one_while_both_last(first: int, second: int, count: int) -> None:
    rows = [*_rows(first), *_rows(second, start=100, label="unsafe")]
    examples = [
        Example(
            request_id=row.request_id,
            messages=row.messages,
            prompt="",
            label=row.labels[0],
            slice="",
            recent=True,
            split="train",
        )
        for row in rows
    ]
    drawn = balanced(examples, count, seed=1)
    assert len(drawn) == min(count, first + second)
    safe = sum(example.label == "safe" for example in drawn)
    unsafe = len(drawn) - safe
    if safe < first and unsafe < second:
        assert abs(safe - unsafe) <= 1


def test_personal_data_is_masked_before_anything_is_kept() -> None:
    dataset = _curated([_row(1, "write to jane@example.com", "safe")])
    assert dataset.masked == 1
    assert "jane" not in str(dataset.examples)


def test_the_last_offset_of_each_partition_is_kept() -> None:
    assert _curated(_rows(4)).offsets == {
        "feedback.given.v1/0": 20,
        "feedback.given.v1/1": 30,
        "inference.requested.v1/0": 3,
    }


def test_the_manifest_has_no_text() -> None:
    manifest = manifest_of(_curated(_rows(40)))
    assert len(manifest.rows) == 40
    assert "prompt number" not in str(manifest)


def test_no_rows_make_an_empty_dataset() -> None:
    assert _curated([]).examples == ()


@given(st.integers(0, 40), st.integers(1, 6), st.integers(0, 10))
def test_no_two_kept_rows_are_near_duplicates(count: int, families: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(families, 16))
    rows = centres[random.integers(0, families, count)] + 0.05 * random.normal(size=(count, 16))
    unit = np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32).reshape(count, 16)
    found = originals(unit)
    kept = [row for row, original in enumerate(found) if original == -1]
    assert all(unit[i] @ unit[j] <= 0.95 + 1e-5 for i in kept for j in kept if i < j)
    assert all(unit[row] @ unit[original] > 0.95 - 1e-5 for row, original in enumerate(found) if original != -1)


def test_blocks_do_not_change_what_repeats_what() -> None:
    rows = np.tile(np.eye(8, dtype=np.float32), (100, 1))
    assert originals(rows) == [-1] * 8 + [row % 8 for row in range(8, 800)]
