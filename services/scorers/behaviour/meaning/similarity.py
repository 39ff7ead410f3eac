"""Is the answer about what was asked, and does it go on with the conversation? Cosines of static embeddings.

Source: WordLlama (Miller 2024); the cosine of question and answer as relevance after the response-relevancy
measure of Ragas (Es et al. 2023), without its language model.
"""

from collections.abc import Sequence

import numpy as np

from schemas.inference import Message
from services.scorers.behaviour.rows import EMPTY_ANSWER, EMPTY_PROMPT, Row, judged, none
from services.scorers.contract import Card, Measure, Subject, unjudged
from services.scorers.embedding import NAME, Embedder, Vectors

RELEVANCE = Measure(name="response.relevance", unit="cosine", direction="higher is better", low=-1.0)
COHERENCE = Measure(name="response.coherence", unit="cosine", direction="higher is better", low=-1.0)
ECHO = Measure(name="response.echo", unit="cosine", direction="higher is worse", low=-1.0, labels=("repeated", "new"))
REPEATED = 0.99
TURNS = 6
HALF_LIFE = 2.0
_SAID = ("user", "assistant")
_UNKNOWN = "no known words"
_ALONE = "nothing was said before"


class Relevance:
    """How near an answer is to its prompt."""

    card = Card(
        name="relevance",
        version=f"{NAME}.1",
        side="pair",
        measures=(RELEVANCE,),
        cost="cheap",
        source="Cosine of WordLlama embeddings (Miller 2024) of prompt and answer.",
        blind_spots="Words, not truth: a wrong answer in the question's words is near, a right one in a word ('Paris', "
        "'4') is far. Labels and code are far from any prompt.",
    )

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return a row for each subject."""
        prompts = self._embedder.embed([subject.prompt for subject in subjects])
        answers = self._embedder.embed([subject.answer for subject in subjects])
        rows: list[Row] = []
        for subject, prompt, answer in zip(subjects, prompts, answers, strict=True):
            if not subject.prompt or not subject.answer:
                rows.append(unjudged(self.card, EMPTY_ANSWER if subject.prompt else EMPTY_PROMPT))
            elif not _known(prompt) or not _known(answer):
                rows.append(unjudged(self.card, _UNKNOWN))
            else:
                rows.append((judged(RELEVANCE, float(prompt @ answer)),))
        return rows


class Coherence:
    """How near an answer is to the turns before its prompt, and whether it was given before."""

    card = Card(
        name="coherence",
        version=f"{NAME}.1",
        side="conversation",
        measures=(COHERENCE, ECHO),
        cost="cheap",
        source=f"Cosine of WordLlama embeddings (Miller 2024): the answer against the last {TURNS} turns before its "
        f"prompt, of which each weighs half as much as the one {HALF_LIFE:.0f} turns later.",
        blind_spots="A change of topic that the user asked for looks incoherent; contradictions look coherent. "
        f"An answer repeated in other words is below {REPEATED} and new.",
    )

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return a row for each subject."""
        told = [earlier(subject.messages) for subject in subjects]
        texts = [
            text for turns, subject in zip(told, subjects, strict=True) for text in (*_texts(turns), subject.answer)
        ]
        vectors = self._embedder.embed(texts)
        rows, at = [], 0
        for turns, subject in zip(told, subjects, strict=True):
            before, answer = vectors[at : at + len(turns)], vectors[at + len(turns)]
            at += len(turns) + 1
            if not subject.answer or not turns:
                rows.append(unjudged(self.card, _ALONE if subject.answer else EMPTY_ANSWER))
            elif not _known(answer):
                rows.append(unjudged(self.card, _UNKNOWN))
            else:
                rows.append(_row(turns, before @ answer, float(_weighted(before) @ answer), _known(before)))
        return rows


def earlier(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the last turns with a text before the last message of a user."""
    last = next((at for at in reversed(range(len(messages))) if messages[at].role == "user"), 0)
    return tuple(message for message in messages[:last] if message.role in _SAID and message.text)[-TURNS:]


def _texts(turns: Sequence[Message]) -> list[str]:
    return [turn.text for turn in turns]


def _weighted(before: Vectors) -> Vectors:
    weights = 0.5 ** (np.arange(len(before))[::-1] / HALF_LIFE)
    mean = (weights[:, None] * before).sum(axis=0)
    norm = float(np.linalg.norm(mean))
    return np.asarray(mean / norm if norm else mean, np.float32)


def _row(turns: Sequence[Message], cosines: Sequence[float], coherence: float, any_known: bool) -> Row:
    given = [float(cosine) for turn, cosine in zip(turns, cosines, strict=True) if turn.role == "assistant"]
    most = max(given, default=0.0)
    return (
        judged(COHERENCE, coherence) if any_known else none(COHERENCE, _UNKNOWN),
        judged(ECHO, most, "repeated" if most >= REPEATED else "new") if given else none(ECHO, "no earlier answer"),
    )


def _known(row: Vectors) -> bool:
    """Return whether a text had any known token."""
    return bool(row.any())
