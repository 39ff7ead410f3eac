"""Examples of apps that write, as token rows: the conversation as serving encodes it, then the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.inference import Message
from schemas.training_policy import Training
from services.models.conversations import answer_tokens, prompt_tokens
from services.models.end_marks import end_marks
from training.data.dataset import Example
from training.methods.adapters import Trainable
from training.methods.lessons import NothingLearnt

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to a conversation.

    Attributes:
        weight: Trust in whoever said what it is worth.
        wanted: Whether it was.
    """

    prompt: list[int]
    answer: list[int]
    weight: float
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Encoder:
    """Encodes answers, and says which are too long to learn from."""

    there: Trainable
    policy: Training

    def told(self, example: Example, answer: Message, *, wanted: bool = True) -> Told:
        """Return an answer to an example's conversation in tokens."""
        tokenizer = self.there.tokenizer
        return Told(
            prompt_tokens(tokenizer, example.messages, example.tools),
            answer_tokens(
                tokenizer,
                example.messages,
                answer,
                tools=example.tools,
                ends=end_marks(self.there.model, tokenizer),
            ),
            example.weight,
            wanted,
        )

    def fits(self, *answers: Told) -> bool:
        """Tell whether answers are within the policy and their conversations within the model's context."""
        longest: int = self.there.model.config.max_position_embeddings
        return all(
            len(told.answer) <= self.policy.max_answer_tokens and len(told.prompt) + len(told.answer) <= longest
            for told in answers
        )


def targets_of(examples: Sequence[Example]) -> Iterator[tuple[Example, Message]]:
    """Yield what is to be written: corrections, wanted answers, the better of two, and labels as texts."""
    for example in _trusted(examples):
        if example.kind == "label":
            yield example, Message(role="assistant", content=example.label)
        elif example.kind != "unwanted" and example.answer is not None:
            yield example, example.answer


def pairs_of(examples: Sequence[Example]) -> Iterator[tuple[Example, Message, Message]]:
    """Yield the better and the worse of two answers."""
    for example in _trusted(examples):
        if example.answer is not None and example.rejected is not None:
            yield example, example.answer, example.rejected


def judged_of(examples: Sequence[Example]) -> Iterator[tuple[Example, Message, bool]]:
    """Yield answers and whether they were wanted; corrections and the better of two were."""
    for example in _trusted(examples):
        if example.answer is not None and example.kind != "label":
            yield example, example.answer, example.kind != "unwanted"
        if example.rejected is not None:
            yield example, example.rejected, False


def _trusted(examples: Sequence[Example]) -> Iterator[Example]:
    return (example for example in examples if example.weight > 0)


def must_teach(rows: Sequence[object], *, left_out: int, method: str, of: str) -> None:
    """Refuse to train on nothing.

    Raises:
        NothingLearnt: There are no rows.
    """
    if not rows:
        why = f"{left_out} are too long" if left_out else f"it learns from {of}"
        raise NothingLearnt(f"{method} has no example to learn from: {why}")
