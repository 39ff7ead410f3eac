"""Candidate and incumbent answer the same held-out prompts, by the probabilities that serving uses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from peft import PeftModel

from services.models.base import load_base
from services.models.choices import choice_probabilities
from training.data.dataset import Example
from training.judging.gate import Judged

_CANDIDATE, _INCUMBENT = "candidate", "incumbent"


def judge(
    base: Path, candidate: Path, incumbent: Path | None, *, labels: Sequence[str], held_out: Sequence[Example]
) -> list[Judged]:
    """Return who was right on each held-out prompt.

    Args:
        base: Folder of the base model.
        candidate: Adapter folder.
        incumbent: Adapter folder of the served version; None means the base model answers now.
        labels: The app's possible answers.
        held_out: Prompts that neither was trained on since hold-out is for ever.
    """
    if not held_out:
        return []
    model, tokenizer = load_base(base)
    adapted = PeftModel.from_pretrained(model, str(candidate), adapter_name=_CANDIDATE).eval()
    right = np.array([labels.index(example.label) for example in held_out])
    new = _answers(adapted, tokenizer, held_out, labels) == right
    if incumbent is None:
        with adapted.disable_adapter():
            old = _answers(adapted, tokenizer, held_out, labels) == right
    else:
        adapted.load_adapter(str(incumbent), adapter_name=_INCUMBENT)
        adapted.set_adapter(_INCUMBENT)
        old = _answers(adapted, tokenizer, held_out, labels) == right
    return [
        Judged(example.recent, example.slice, example.label, bool(won), bool(held))
        for example, won, held in zip(held_out, new, old, strict=True)
    ]


def _answers(model: Any, tokenizer: Any, held_out: Sequence[Example], labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the index of the most probable label for each prompt, (n,)."""
    chats = [example.chat for example in held_out]
    return np.asarray(choice_probabilities(model, tokenizer, chats, labels).argmax(axis=1), np.int64)
