"""Which of two answers is better? A judge is asked twice, in either order; where it contradicts itself it is a tie."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from schemas.gate_policy import PairwiseJudge
from schemas.inference import Message
from services.models.choices import choice_probabilities
from services.scorers.remote.asking import NoAnswer
from services.scorers.remote.pairs import Better, PairChat, agreed, quoted
from services.scorers.remote.shown import MAX_CHARACTERS
from training.judging.statistics import Values

_RATES: Mapping[Better, float] = {"first": 1.0, "second": 0.0, "tie": 0.5}


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two answers to one conversation."""

    messages: tuple[Message, ...]
    first: Message
    second: Message

    @property
    def swapped(self) -> "Pairing":
        """The same in the other order."""
        return Pairing(self.messages, self.second, self.first)

    def quoted(self, longest: int = MAX_CHARACTERS) -> str:
        """Return it as JSON, so that no text can pass for what stands around it."""
        conversation = [(message.role, message.text[:longest]) for message in self.messages]
        return quoted(conversation, _shown(self.first)[:longest], _shown(self.second)[:longest])


class Comparer(Protocol):
    """Anybody who compares answers."""

    def compare(self, pairings: Sequence[Pairing]) -> list[Better]:
        """Return which answer of each pairing is better, as they stand; who can't say, says tie."""


def win_rates(comparer: Comparer, pairings: Sequence[Pairing]) -> Values:
    """Return for each pairing 1 where the first answer wins in both orders, 0 where the second does, else 0.5.

    Answers that are the same are a tie that nobody is asked about.
    """
    asked = [at for at, pairing in enumerate(pairings) if pairing.first != pairing.second]
    rates = np.full(len(pairings), 0.5)
    as_they_stand = comparer.compare([pairings[at] for at in asked])
    swapped = comparer.compare([pairings[at].swapped for at in asked])
    for at, forth, back in zip(asked, as_they_stand, swapped, strict=True):
        rates[at] = _RATES[agreed(forth, back)]
    return rates


class EndpointComparer:
    """Asks a chat model by HTTP."""

    def __init__(self, judge: PairwiseJudge, environment: Mapping[str, str]) -> None:
        self._judge = PairChat(judge, environment, judge.rubric)

    def compare(self, pairings: Sequence[Pairing]) -> list[Better]:
        """Return what the model says; no answer, or none of the words, is a tie."""
        said = self._judge.asker.ask_all([pairing.quoted() for pairing in pairings], self._judge.better)
        return ["tie" if isinstance(one, NoAnswer) else one for one in said]


class EmbeddedComparer:
    """Asks a model on this machine, by the probabilities of its two answers: no text is written.

    Args:
        base: Yields a causal model with no adapter of the app active, or a version would judge itself.
        tokenizer: The model's.
        rubric: What makes an answer better.
    """

    _LONGEST = 600

    def __init__(self, base: Callable[[], AbstractContextManager[Any]], tokenizer: Any, rubric: str) -> None:
        self._base, self._tokenizer = base, tokenizer
        self._told = f"{rubric.strip()} Say which of the two is better: A for `first`, B for `second`."

    def compare(self, pairings: Sequence[Pairing]) -> list[Better]:
        """Return the likelier letter; a small model favours a place, which the other order shows."""
        chats = [
            [{"role": "system", "content": self._told}, {"role": "user", "content": pairing.quoted(self._LONGEST)}]
            for pairing in pairings
        ]
        if not chats:
            return []
        with self._base() as model:
            chances = choice_probabilities(model, self._tokenizer, chats, ("A", "B"), batch_size=8)
        return ["first" if row[0] > row[1] else "second" if row[1] > row[0] else "tie" for row in chances]


def _shown(answer: Message) -> str:
    calls = [f"{call.name}({call.arguments})" for call in answer.tool_calls]
    return "\n".join(part for part in (answer.text, *calls) if part)
