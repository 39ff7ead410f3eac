"""From labelled traffic to a dataset: what is thrown out, what is held out, what is drawn. No I/O.

In this order: answers that feedback disputes or that are no label of the app, repeated prompts, then
the hold-out by a hash of the prompt (so that a prompt once held out is never trained on, by no
version), near-duplicates, and a balanced draw of recent traffic with a replay share of earlier one.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from schemas.inference import Message
from schemas.training_policy import Training
from training.data.dataset import Dataset, Example, LabelledRow, Split
from training.data.duplicates import Vectors, normalised, originals

MAX_HELD_OUT = 400
MAX_VALIDATION = 48
_VALIDATION_SHARE = 0.1


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
    rows: Sequence[LabelledRow], policy: Training, *, labels: Sequence[str], recent_since: datetime, tools: Tools
) -> Dataset:
    """Return the dataset of a retraining; the same rows and policy give the same one, in the same order."""
    removed: Counter[str] = Counter()
    settled = _distinct(_settled(sorted(rows, key=lambda row: row.request_id), labels, removed), removed)
    examples, masked = _masked([_example(row, policy, recent_since) for row in settled], tools)
    kept = _without_near_duplicates(examples, tools, removed)
    held_out = _draw_held_out(kept, policy.seed, removed)
    train = _draw_training(kept, policy, removed)
    return Dataset(
        examples=tuple((*train, *held_out)),
        removed=dict(sorted(removed.items())),
        masked=masked,
        offsets=_last_offsets(rows),
        recent_since=recent_since,
    )


def is_held_out(prompt: str, share: float) -> bool:
    """Tell whether a prompt belongs to the hold-out: for ever, in every dataset with this share."""
    return _fraction("holdout", normalised(prompt)) < share


def _fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on nothing but the parts."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _prompt(messages: Sequence[Message]) -> str:
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def _settled(rows: Iterable[LabelledRow], labels: Sequence[str], removed: Counter[str]) -> list[LabelledRow]:
    """Return the rows with exactly one label, which is one of the app's, and a prompt."""
    kept = []
    for row in rows:
        if not _prompt(row.messages).strip():
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
        by_prompt.setdefault(normalised(_prompt(row.messages)), []).append(row)
    kept = []
    for same in by_prompt.values():
        if len({row.labels for row in same}) > 1:
            removed["conflicting_labels"] += len(same)
        else:
            removed["duplicate"] += len(same) - 1
            kept.append(max(same, key=lambda row: row.occurred_at))
    return kept


def _example(row: LabelledRow, policy: Training, recent_since: datetime) -> Example:
    prompt = _prompt(row.messages)
    return Example(
        request_id=row.request_id,
        messages=row.messages,
        prompt=prompt,
        label=row.labels[0],
        slice=row.slice,
        recent=row.occurred_at >= recent_since,
        split="holdout" if is_held_out(prompt, policy.holdout_share) else "train",
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
        masked.append(msgspec.structs.replace(example, messages=tuple(messages), prompt=_prompt(messages)))
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


def _draw_held_out(examples: Sequence[Example], seed: int, removed: Counter[str]) -> list[Example]:
    drawn: list[Example] = []
    for recent in (True, False):
        there = [example for example in examples if example.split == "holdout" and example.recent is recent]
        drawn += balanced(there, MAX_HELD_OUT, seed=seed)
        removed["over_quota"] += max(0, len(there) - MAX_HELD_OUT)
    return drawn


def _draw_training(examples: Sequence[Example], policy: Training, removed: Counter[str]) -> list[Example]:
    """Return training and validation rows: recent ones, and as many earlier ones as the replay share says.

    Where there is too little earlier traffic to fill its share, recent rows take its place.
    """
    there = [example for example in examples if example.split == "train"]
    recent = [example for example in there if example.recent]
    earlier = [example for example in there if not example.recent]
    room = min(len(earlier), round(policy.max_rows * policy.replay_share))
    drawn = balanced(recent, policy.max_rows - room, seed=policy.seed)
    replayed = round(len(drawn) * policy.replay_share / (1 - policy.replay_share))
    drawn += balanced(earlier, min(room, replayed), seed=policy.seed)
    removed["over_quota"] += len(there) - len(drawn)
    shuffled = sorted(drawn, key=lambda example: _fraction("order", policy.seed, example.request_id))
    validation = min(MAX_VALIDATION, int(len(shuffled) * _VALIDATION_SHARE))
    return [_with_split(e, "validation" if at < validation else "train") for at, e in enumerate(shuffled)]


def _with_split(example: Example, split: Split) -> Example:
    return msgspec.structs.replace(example, split=split)


def balanced(examples: Sequence[Example], count: int, *, seed: int) -> list[Example]:
    """Return at most `count` examples, as evenly over labels and slices as there are some.

    Strata take turns, each in an order by hash, until the quota is full or nothing is left.
    """
    strata: dict[tuple[str, str], list[Example]] = {}
    for example in sorted(examples, key=lambda e: _fraction("draw", seed, e.request_id)):
        strata.setdefault((example.label, example.slice), []).append(example)
    ranked = [(rank, key, example) for key, stratum in strata.items() for rank, example in enumerate(stratum)]
    ranked.sort(key=lambda entry: entry[:2])
    return [example for _, _, example in ranked[: max(0, count)]]


def _last_offsets(rows: Iterable[LabelledRow]) -> dict[str, int]:
    last: dict[str, int] = {}
    for row in rows:
        for place, offset in row.offsets.items():
            last[place] = max(offset, last.get(place, -1))
    return dict(sorted(last.items()))
