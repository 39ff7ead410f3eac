"""Qwen3Guard-Gen (Qwen team 2025): "Safety: " and one of Safe, Unsafe, Controversial, then a line of categories.

The answer begins with "Safety: " always, so the three words are compared where it ends. The checkpoint's own template
adds the empty block of thought.
"""

import re
from collections.abc import Mapping, Sequence

from schemas.guards import GuardSide
from services.scorers.guards.asking import (
    Conversation,
    Engine,
    Form,
    Question,
    Reading,
    Verdict,
    lists_categories,
    verdicts,
    with_categories,
)
from services.scorers.guards.hazards import CODES, codes_of, hazards_of

_WORDS = ("Unsafe", "Controversial", "Safe")
_NAMES = re.compile("|".join(map(re.escape, CODES["qwen3-guard"])))


class QwenGuard:
    """The score is the share of Unsafe, with Controversial where that counts as unsafe (Qwen's strict mode).

    Args:
        engine: Holds the model.
        threshold: Probability from which the categories are asked for.
        strict: Whether Controversial counts as unsafe.
        categories: Hazards to keep; empty means all.
        policies: Categories of the user's own, by name, listed after the guard's.
    """

    source = "Qwen3Guard Technical Report 2025, arXiv 2510.14276; Qwen/Qwen3Guard-Gen-0.6B, -4B, -8B"
    blind_spots = (
        "what is controversial is a matter of place, and its boundary is Qwen's; categories of the user's own are "
        "beside what it was trained on; a long answer with one harmful sentence scores lower than the sentence"
    )

    def __init__(
        self,
        engine: Engine,
        *,
        threshold: float,
        strict: bool = True,
        categories: Sequence[str] = (),
        policies: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._threshold = threshold
        self._unsafe = (0, 1) if strict else (0,)
        self._kept = frozenset(codes_of("qwen3-guard", categories))
        self._own = policies or {}
        if categories or policies:
            lists_categories(engine.template)
        self._form = Form(mend=self._chosen if categories or policies else None)

    def judge(self, side: GuardSide, conversations: Sequence[Conversation]) -> list[tuple[Verdict, ...]]:
        """Return whether each conversation's last turn is unsafe; which side that is, its role says."""
        readings = self._engine.ask([Question(one, self._form, _WORDS, start="Safety: ") for one in conversations])
        return verdicts(
            readings,
            probability=self._probability,
            threshold=self._threshold,
            named=lambda places: self._named([self._categories_of(conversations[at], readings[at]) for at in places]),
        )

    def _probability(self, reading: Reading) -> float:
        return reading.against(*self._unsafe)

    def _named(self, asked: Sequence[Question]) -> list[tuple[str, ...]]:
        return [self._hazards(line) for line in self._engine.say(asked)]

    def _categories_of(self, conversation: Conversation, reading: Reading) -> Question:
        said = max(self._unsafe, key=lambda at: reading.probabilities[at])
        return Question(conversation, self._form, _WORDS, start=f"Safety: {_WORDS[said]}\nCategories:")

    def _hazards(self, line: str) -> tuple[str, ...]:
        own = tuple(name for name in self._own if name in line)
        return (*hazards_of("qwen3-guard", _NAMES.findall(line)), *own)

    def _chosen(self, prompt: str) -> str:
        added = [f"{name}: {text}" for name, text in self._own.items()]
        return with_categories(prompt, keep=self._keeps, added=added, entries=str.splitlines)

    def _keeps(self, entry: str) -> bool:
        return not self._kept or entry.rstrip(".") in self._kept
