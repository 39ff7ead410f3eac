"""From labelled traffic to a dataset: what is thrown out, what is held out, what is drawn. No I/O.

In this order: judgements given to spoil what is learnt, answers that feedback disputes or that are no
label of the app, repeated prompts, then the hold-out by a hash of the prompt (so that a prompt once held out
is never trained on, by no version), near-duplicates, and a balanced draw of recent traffic with a replay share
of earlier one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from schemas.inference import Message
from schemas.training_policy import Training
from training.data.dataset import Dataset, Example, LabelledRow
from training.data.drawing import draw_held_out, draw_training, is_held_out
from training.data.duplicates import Vectors, normalised, originals
from training.data.judgements import JudgedCall
from training.data.labels import Trusts, honest, prompt_of
from training.data.poison.claims import TRUSTED


@dataclass(frozen=True, slots=True)
class Tools:
    """What curation asks of scoring models.

    Attributes:
        embed: Texts to unit vectors, (n, d).
        mask: A text without its personal data, and how many entities were masked.
    """

    embed: Callable[[Sequence[str]], Vectors]
    mask: Callable[[str], tuple[str, int]]


def curate(
    rows: Sequence[LabelledRow],
    policy: Training,
    *,
    labels: Sequence[str],
    recent_since: datetime,
    tools: Tools,
    trusts: Trusts = lambda _: TRUSTED,
) -> Dataset:
    """Return the dataset of a retraining; the same rows and policy give the same one, in the same order.

    Args:
        trusts: How much a source weighs, 0 to 1.
    """
    removed: Counter[str] = Counter()
    ordered = sorted(rows, key=lambda row: row.request_id)
    believed = honest(ordered, tools.embed, trusts=trusts, seed=policy.seed, removed=removed)
    settled = _distinct(_settled(believed, labels, removed), removed)
    examples, masked = _masked([_example(row, policy, recent_since, trusts) for row in settled], tools)
    kept = _without_near_duplicates(examples, tools, removed)
    held_out = draw_held_out(kept, policy.seed, removed)
    train = draw_training(kept, policy, removed)
    return Dataset(
        examples=tuple((*train, *held_out)),
        removed=dict(sorted(removed.items())),
        masked=masked,
        offsets=last_offsets(rows),
        recent_since=recent_since,
    )


def _settled(rows: Iterable[LabelledRow], labels: Sequence[str], removed: Counter[str]) -> list[LabelledRow]:
    """Return the rows with exactly one label, which is one of the app's, and a prompt."""
    kept = []
    for row in rows:
        if not prompt_of(row.messages).strip():
            removed["empty"] += 1
        elif not set(row.labels) <= set(labels):
            removed["unknown_label"] += 1
        elif len(row.labels) != 1:
            removed["conflicting_labels"] += 1
        else:
            kept.append(row)
    return kept


def _distinct(rows: Sequence[LabelledRow], removed: Counter[str]) -> list[LabelledRow]:
    """Return one row a prompt, the latest; prompts on whose label feedback disagrees go altogether."""
    by_prompt: dict[str, list[LabelledRow]] = {}
    for row in rows:
        by_prompt.setdefault(normalised(prompt_of(row.messages)), []).append(row)
    kept = []
    for same in by_prompt.values():
        if len({row.labels for row in same}) > 1:
            removed["conflicting_labels"] += len(same)
        else:
            removed["duplicate"] += len(same) - 1
            kept.append(max(same, key=lambda row: row.occurred_at))
    return kept


def _example(row: LabelledRow, policy: Training, recent_since: datetime, trusts: Trusts) -> Example:
    prompt = prompt_of(row.messages)
    return Example(
        request_id=row.request_id,
        messages=row.messages,
        prompt=prompt,
        label=row.labels[0],
        slice=row.slice,
        recent=row.occurred_at >= recent_since,
        split="holdout" if is_held_out(prompt, policy.holdout_share) else "train",
        trust=max((trusts(one.source) for one in row.judgements if one.label in row.labels), default=TRUSTED),
    )


def _masked(examples: Sequence[Example], tools: Tools) -> tuple[list[Example], int]:
    """Return the examples without personal data, and how many entities were masked."""
    masked, count = [], 0
    for example in examples:
        messages = []
        for message in example.messages:
            text, found = tools.mask(message.text)
            messages.append(Message(role=message.role, content=text))
            count += found
        masked.append(msgspec.structs.replace(example, messages=tuple(messages), prompt=prompt_of(messages)))
    return masked, count


def _without_near_duplicates(examples: Sequence[Example], tools: Tools, removed: Counter[str]) -> list[Example]:
    """Return the examples that repeat no other: held-out ones win over training ones, recent over earlier."""
    ordered = sorted(examples, key=lambda example: (example.split != "holdout", not example.recent))
    found = originals(tools.embed([example.prompt for example in ordered]))
    kept = []
    for example, original in zip(ordered, found, strict=True):
        if original == -1:
            kept.append(example)
        elif example.split == "train" and ordered[original].split == "holdout":
            removed["near_held_out"] += 1
        else:
            removed["near_duplicate"] += 1
    return kept


def last_offsets(rows: Iterable[LabelledRow | JudgedCall]) -> dict[str, int]:
    """Return the last offset of each source partition that rows came from."""
    last: dict[str, int] = {}
    for row in rows:
        for place, offset in row.offsets.items():
            last[place] = max(offset, last.get(place, -1))
    return dict(sorted(last.items()))
