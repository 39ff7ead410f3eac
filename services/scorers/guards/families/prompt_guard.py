"""Llama Prompt Guard 2 (22M, 86M): a sequence classifier that says whether a text tries to override instructions.

It reads 512 tokens. A longer text is cut into windows that overlap, and its score is the highest of theirs, as the
model card asks.
"""

from collections.abc import Sequence
from typing import Any

import torch

from schemas.guards import GuardSide, Hazard
from services.scorers.guards.asking import PROMPT_GUARD, Conversation, Verdict, rounded
from services.scorers.guards.template import sound

WINDOW = 512
OVERLAP = 64
MOST_WINDOWS = 64
"""Of a longer text the first and the last are read: 32 of each hold some 14,000 words."""
CHARACTERS_A_WINDOW = 16 * WINDOW
INJECTION: Hazard = "jailbreak"


class PromptGuard:
    """Classifies prompts; an answer is no attack on its own model.

    Args:
        model: A transformers sequence classifier; what its configuration calls benign, or else its first label, is.
        tokenizer: Of the same checkpoint.
        batch: Windows in one forward pass.
    """

    source = PROMPT_GUARD.source
    blind_spots = PROMPT_GUARD.blind_spots

    def __init__(self, model: Any, tokenizer: Any, *, batch: int = 8) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._batch = batch
        labels = {int(at): str(label).lower() for at, label in model.config.id2label.items()}
        self._benign = next((at for at, label in labels.items() if "benign" in label), 0)

    def judge(self, side: GuardSide, conversations: Sequence[Conversation]) -> list[tuple[Verdict, ...]]:
        """Return the probability that each last prompt is an attack."""
        windows = [self._windows(conversation[-1].text) for conversation in conversations]
        scores = iter(self._scores([window for some in windows for window in some]))
        return [(_verdict(max(next(scores) for _ in some)),) for some in windows]

    def _windows(self, text: str) -> list[list[int]]:
        """Long texts are tokenized at both ends alone."""
        text, most = sound(text), MOST_WINDOWS // 2 * CHARACTERS_A_WINDOW
        text = text if len(text) <= 2 * most else text[:most] + text[-most:]
        given = self._tokenizer(
            text, truncation=True, max_length=WINDOW, stride=OVERLAP, return_overflowing_tokens=True
        )["input_ids"]
        if len(given) > MOST_WINDOWS:
            given = given[: MOST_WINDOWS // 2] + given[-MOST_WINDOWS // 2 :]
        return [list(window) for window in given]

    def _scores(self, windows: Sequence[list[int]]) -> list[float]:
        order = sorted(range(len(windows)), key=lambda at: len(windows[at]))
        scores = [0.0] * len(windows)
        for start in range(0, len(order), self._batch):
            places = order[start : start + self._batch]
            for at, score in zip(places, self._forward([windows[at] for at in places]), strict=True):
                scores[at] = score
        return scores

    def _forward(self, windows: Sequence[list[int]]) -> list[float]:
        longest = max(map(len, windows))
        pad = self._tokenizer.pad_token_id or 0
        device = self._model.device
        tokens = torch.tensor([[*window, *[pad] * (longest - len(window))] for window in windows], device=device)
        mask = torch.tensor([[1] * len(w) + [0] * (longest - len(w)) for w in windows], device=device)
        with torch.inference_mode():
            logits = self._model(input_ids=tokens, attention_mask=mask).logits
        chances = torch.softmax(logits.float(), dim=-1)
        return [1 - float(benign) for benign in chances[:, self._benign]]


def _verdict(probability: float) -> Verdict:
    if probability != probability:
        return Verdict(None, unjudged="the checkpoint gives no number")
    return Verdict(rounded(probability), (INJECTION,))
