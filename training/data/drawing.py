"""The hold-out and the draw: which examples are never trained on, and which others are. By hashes alone. Pure."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import msgspec

from schemas.training_policy import Training
from training.data.dataset import Example, Split
from training.data.duplicates import normalised

MAX_HELD_OUT = 400
MAX_VALIDATION = 48
_VALIDATION_SHARE = 0.1


def is_held_out(prompt: str, share: float) -> bool:
    """Tell whether a prompt belongs to the hold-out: for ever, in every dataset with this share.

    Of a conversation the prompt is all that its user said.
    """
    return _fraction("holdout", normalised(prompt)) < share


def _fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on nothing but the parts."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def draw_held_out(examples: Sequence[Example], seed: int, removed: Counter[str]) -> list[Example]:
    drawn: list[Example] = []
    for recent in (True, False):
        there = [example for example in examples if example.split == "holdout" and example.recent is recent]
        drawn += balanced(there, MAX_HELD_OUT, seed=seed)
        removed["over_quota"] += max(0, len(there) - MAX_HELD_OUT)
    return drawn


def draw_training(examples: Sequence[Example], policy: Training, removed: Counter[str]) -> list[Example]:
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
    """Return at most `count` examples, as evenly over kinds, labels and slices as there are some.

    Strata take turns, each in an order by hash, until the quota is full or nothing is left.
    """
    strata: dict[tuple[str, str, str], list[Example]] = {}
    for example in sorted(examples, key=lambda e: _fraction("draw", seed, e.request_id)):
        strata.setdefault((example.kind, example.label, example.slice), []).append(example)
    ranked = [(rank, key, example) for key, stratum in strata.items() for rank, example in enumerate(stratum)]
    ranked.sort(key=lambda entry: entry[:2])
    return [example for _, _, example in ranked[: max(0, count)]]
