"""A guard of two random layers, for tests.bench.safety_throughput: it works as guards do and means nothing."""

from collections.abc import Sequence

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from services.scorers.contract import Card, Measure, Score, Subject, unjudged
from services.scorers.offers import Wanted

TOKENS = 256
CARD = Card(
    name="tiny-guard",
    version="1",
    side="response",
    measures=(
        Measure(name="response.tiny-guard", unit="probability", direction="higher is worse", labels=("safe", "unsafe")),
    ),
    cost="model",
    source="random weights",
    blind_spots="Everything.",
)


class TinyGuard:
    """Reads bytes, and says unsafe by the first-token probability of one forward pass."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        torch.set_num_threads(1)
        config = LlamaConfig(
            vocab_size=256, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4
        )
        self._model = LlamaForCausalLM(config).eval()

    @property
    def card(self) -> Card:
        """What it is."""
        return CARD

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return a row for each call, one forward pass each."""
        return [self._row(subject) for subject in subjects]

    def _row(self, subject: Subject) -> tuple[Score, ...]:
        text = f"{subject.prompt}\n{subject.answer}".encode(errors="replace")[-TOKENS:]
        if not subject.answer:
            return unjudged(CARD, "no answer")
        with torch.inference_mode():
            logits = self._model(torch.tensor([list(text)])).logits[0, -1, :2]
        value = float(torch.softmax(logits.float(), dim=0)[0])
        return (Score(CARD.measures[0].name, value, "unsafe" if value >= 0.5 else "safe"),)


def make(wanted: Wanted) -> TinyGuard:
    """Return it, for an entry point."""
    return TinyGuard()
