"""A head: what a cheap look can't clear is looked at closely. One number a text comes out, a probability.

The cheap look is two logistic regressions, over the static embedding and over hashed n-grams; it sees every
text and clears most. The close look is one over MiniLM's middle layers. A cleared text's probability comes
from the cheap look alone and stays below the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from services.scorers.embedded.encoder import Features
from services.scorers.embedded.recent import Recent
from services.scorers.embedding import Embedder, Vectors
from services.scorers.ngrams import ngrams

Numbers = npt.NDArray[np.float64]
Coefficients = npt.NDArray[np.float32]


class Encodes(Protocol):
    """Makes features of texts; the real one is services.scorers.embedded.encoder.Encoder."""

    def encode(self, texts: Sequence[str]) -> Features:
        """Return one row a text."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What training found.

    Attributes:
        embedding: Of the cheap look, over the static embedding, its intercept last: (257,).
        grams: Of the cheap look, a bucket each, its intercept last: (65537,).
        share: Of the embedding in the cheap logit; the n-grams have the rest.
        clear: Cheap logit below which a text is cleared.
        cleared: Slope and intercept from the cheap logit to the logit of a cleared text.
        features: Of the close look, over MiniLM's features, its intercept last.
        unsure: Factors of cheap logit and close logit, and intercept, of a text that isn't cleared.
        threshold: Probability from which a prompt counts as unsafe.
        answer_threshold: The same for an answer.
        answer_clear: Cheap logit below which an answer is cleared; at least `clear`.
    """

    embedding: Coefficients
    grams: Coefficients
    share: float
    clear: float
    cleared: tuple[float, float]
    features: Coefficients
    unsure: tuple[float, float, float]
    threshold: float
    answer_threshold: float
    answer_clear: float


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A trained classifier.

    Attributes:
        version: What a score's scorer says: name and a hash of recipe and data.
        recent: What it judged lately.
    """

    version: str
    weights: Weights
    embedder: Embedder
    encoder: Encodes
    recent: Recent = field(default_factory=Recent)

    @property
    def threshold(self) -> float:
        """Probability from which a prompt counts as unsafe."""
        return self.weights.threshold

    @property
    def answer_threshold(self) -> float:
        """Probability from which an answer counts as unsafe."""
        return self.weights.answer_threshold

    def score(self, texts: Sequence[str], embeddings: Vectors | None = None, *, answers: bool = False) -> Numbers:
        """Return the probability that each text is bad, (len(texts),); 0 for an empty text.

        Args:
            texts: What to judge.
            embeddings: The texts' static rows, if the caller has them.
            answers: Whether they are answers; else they are prompts.
        """

        def judge(places: Sequence[int]) -> Numbers:
            rows = None if embeddings is None else embeddings[list(places)]
            return self._judged([texts[place] for place in places], rows, answers=answers)

        return self.recent.of(texts, judge, about="answer" if answers else "prompt")

    def _judged(self, texts: Sequence[str], embeddings: Vectors | None, *, answers: bool) -> Numbers:
        weights = self.weights
        threshold = weights.answer_threshold if answers else weights.threshold
        cheap = cheap_logits(weights, texts, self.embedder.embed(texts) if embeddings is None else embeddings)
        logits = cleared_logits(weights, cheap, threshold)
        present = np.array([bool(text.strip()) for text in texts])
        unsure = np.flatnonzero(present & (cheap >= (weights.answer_clear if answers else weights.clear)))
        if len(unsure):
            features = self.encoder.encode([texts[int(index)] for index in unsure])
            logits[unsure] = unsure_logits(weights, cheap[unsure], features)
        return np.where(present, sigmoid(logits), 0.0)


def cheap_logits(weights: Weights, texts: Sequence[str], rows: Vectors) -> Numbers:
    """Return what the cheap look makes of texts, (len(texts),)."""
    by_meaning = rows @ weights.embedding[:-1] + weights.embedding[-1]
    by_surface = ngrams(texts).dot(weights.grams[:-1]) + weights.grams[-1]
    return np.asarray(weights.share * by_meaning + (1 - weights.share) * by_surface, np.float64)


def cleared_logits(weights: Weights, cheap: Numbers, threshold: float) -> Numbers:
    """Return the logits of texts as if all were cleared: rising with the cheap look, below the threshold."""
    slope, intercept = weights.cleared
    return np.minimum(slope * cheap + intercept, logit(threshold) - 0.05)


def unsure_logits(weights: Weights, cheap: Numbers, features: Features) -> Numbers:
    """Return the logits of texts that were looked at closely."""
    of_cheap, of_close, intercept = weights.unsure
    close = features @ weights.features[:-1] + weights.features[-1]
    return np.asarray(of_cheap * cheap + of_close * close + intercept, np.float64)


def sigmoid(logits: Numbers) -> Numbers:
    """Return probabilities, without overflow."""
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def logit(probability: float) -> float:
    """Return the logit of a probability between 0 and 1."""
    return float(np.log(probability / (1 - probability)))
