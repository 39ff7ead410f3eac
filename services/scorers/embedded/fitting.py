"""Fits a head: cheap look, close look, calibration, threshold. Runs in a child, which alone loads scikit-learn.

Everything is chosen on the validation part: how much is cleared, how both looks are mixed, the probability
(Platt 1999, at a stated share of bad texts), and the threshold, from harmless texts whose sources count by the
square root of their size, so that neither the largest nor an odd small one decides alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from services.scorers.embedded.cascade import (
    Coefficients,
    Encodes,
    Numbers,
    Weights,
    cheap_logits,
    logit,
    sigmoid,
)
from services.scorers.embedded.corpora import Corpus
from services.scorers.embedded.encoder import Features
from services.scorers.embedded.examples import Example, Judgement
from services.scorers.embedding import Embedder, Vectors
from services.scorers.ngrams import BUCKETS, ngrams

FALSE_ALARMS = 0.002
# Refusals name the harm that they refuse: where an answer counts as unsafe is chosen by answers alone.
ANSWER_FALSE_ALARMS = 0.02
ANSWERS = ("answers", "refusals")
BAD_ANSWERS = ("many-shot-answers",)
# Of harmless texts what is looked at closely: as little as leaves what is found as it is. Harm has more forms than the
# cheap look knows of.
UNSURE_SHARES: Mapping[Judgement, float] = MappingProxyType({"injection": 0.03, "harm": 0.08})
# Of the bad answers that are found: what isn't looked at closely isn't unsafe.
ANSWERS_KEPT = 0.98
BAD_SHARE = 0.1
LEAST_THRESHOLD = 0.05
LEAST_SLOPE = 0.05
EMBEDDING_SHARE = 0.25
# Of the cheap logit in the mixture of both: the share with which sources that were left out came off best.
CHEAP_SHARE = 0.35
# How many texts the close look learns from, for training's sake: reading them is most of its time.
CLOSE_HARMLESS, CLOSE_BAD = 6_000, 3_000
CHEAP_REGULARISATION = 10.0
CLOSE_REGULARISATION = 3.0
SEED = 7

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Examples with what is known of them."""

    texts: list[str]
    labels: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "Part":
        """Return the columns of examples."""
        labels = np.array([example.label for example in examples], np.int64)
        return cls([e.text for e in examples], labels, np.array([e.source for e in examples]))

    def only(self, chosen: npt.NDArray[np.int64]) -> "Part":
        """Return some of the examples."""
        return Part([self.texts[int(index)] for index in chosen], self.labels[chosen], self.sources[chosen])

    def balance(self, *, power: float = 1.0) -> Numbers:
        """Return weights: both labels the same; within one, a source by its size to the power of 1 - `power`."""
        weights = np.zeros(len(self.labels))
        for label in (0, 1):
            chosen = self.labels == label
            _, inverse, counts = np.unique(self.sources[chosen], return_inverse=True, return_counts=True)
            raw = (counts.astype(float) ** -power)[inverse]
            weights[chosen] = raw / raw.sum() * len(self.labels) / 2
        return weights


def fit(
    judgement: Judgement, corpus: Corpus, embedder: Embedder, encoder: Encodes, tell: Told = lambda _: None
) -> Weights:
    """Return the weights of a head.

    Args:
        judgement: Which head.
        corpus: What to learn from.
        embedder: Of the cheap look.
        encoder: Of the close look.
        tell: Called with what is being done.
    """
    train, validation = Part.of(corpus.train), Part.of(corpus.validation)
    tell("cheap look")
    rows = embedder.embed(train.texts)
    weights = _cheap(train, rows)
    cheap = cheap_logits(weights, validation.texts, embedder.embed(validation.texts))
    weights = replace(weights, clear=_clear(cheap, validation, UNSURE_SHARES[judgement]))
    tell("close look")
    closely = train.only(_worth_a_close_look(train, cheap_logits(weights, train.texts, rows)))
    weights = replace(weights, features=_close(closely, encoder.encode(closely.texts)))
    tell("calibration")
    unsure = np.flatnonzero(cheap >= weights.clear)
    return calibrated(weights, validation, cheap, encoder.encode([validation.texts[int(index)] for index in unsure]))


def calibrated(weights: Weights, validation: Part, cheap: Numbers, features: Features) -> Weights:
    """Return the weights with probabilities and threshold chosen on the validation part.

    Args:
        weights: With both looks, and what is cleared.
        validation: What to choose by.
        cheap: Its cheap logits.
        features: Of those of its texts that aren't cleared, in their order.
    """
    unsure = cheap >= weights.clear
    close = np.asarray(features @ weights.features[:-1] + weights.features[-1], np.float64)
    mixed = CHEAP_SHARE * cheap[unsure] + (1 - CHEAP_SHARE) * close
    prior = validation.balance(power=0.5) * np.where(validation.labels == 1, BAD_SHARE, 1 - BAD_SHARE)
    slope, intercept = _platt(mixed, validation.labels[unsure], prior[unsure])
    weights = replace(
        weights,
        unsure=(CHEAP_SHARE * slope, (1 - CHEAP_SHARE) * slope, intercept),
        cleared=_platt(cheap[~unsure], validation.labels[~unsure], prior[~unsure]),
    )
    logits = np.full(len(cheap), -np.inf)
    logits[unsure] = slope * mixed + intercept
    weights = thresholded(weights, validation, logits)
    return replace(weights, answer_clear=_answer_clear(weights, validation, cheap, logits))


def thresholded(weights: Weights, validation: Part, logits: Numbers) -> Weights:
    """Return the weights with thresholds for the logits of the validation part; what is cleared has -inf."""
    answers = np.isin(validation.sources, ANSWERS)
    harmless = validation.labels == 0
    balance = validation.balance(power=0.5)
    prompts = _level(logits[harmless & ~answers], balance[harmless & ~answers], FALSE_ALARMS)
    spoken = _level(logits[harmless & answers], np.ones((harmless & answers).sum()), ANSWER_FALSE_ALARMS)
    return replace(weights, threshold=prompts, answer_threshold=max(prompts, spoken))


def _level(logits: Numbers, weights: Numbers, false_alarms: float) -> float:
    """Return the least probability at which at most this share of the weight is called unsafe."""
    level = _quantile(logits, weights, 1 - false_alarms)
    return float(sigmoid(np.array([max(level, logit(LEAST_THRESHOLD))]))[0])


def _worth_a_close_look(train: Part, cheap: Numbers) -> npt.NDArray[np.int64]:
    """Return which texts the close look learns from: of each label those hardest for the cheap look, and others."""
    chosen = []
    for label, most in ((0, CLOSE_HARMLESS), (1, CLOSE_BAD)):
        members = np.flatnonzero(train.labels == label)
        hardest = members[np.argsort(cheap[members] * (1 if label else -1), kind="stable")]
        random = np.random.default_rng(SEED).permutation(hardest[most // 2 :])
        chosen.append(np.concatenate([hardest[: most // 2], random[: most - most // 2]]))
    return np.sort(np.concatenate(chosen))


def _cheap(train: Part, rows: Vectors) -> Weights:
    grams = ngrams(train.texts)
    sparse = scipy.sparse.csr_matrix((grams.weights, (grams.rows, grams.buckets)), shape=(grams.texts, BUCKETS))
    balance = train.balance(power=0.5)
    return Weights(
        embedding=_regression(rows, train.labels, balance, CHEAP_REGULARISATION),
        grams=_regression(sparse, train.labels, balance, CHEAP_REGULARISATION),
        share=EMBEDDING_SHARE,
        clear=0.0,
        cleared=(1.0, 0.0),
        features=np.zeros(0, np.float32),
        unsure=(0.0, 1.0, 0.0),
        threshold=0.5,
        answer_threshold=0.5,
        answer_clear=0.0,
    )


def _close(train: Part, features: Features) -> Coefficients:
    return _regression(features, train.labels, train.balance(power=0.5), CLOSE_REGULARISATION)


def _clear(cheap: Numbers, validation: Part, share: float) -> float:
    """Return the cheap logit below which texts are cleared, so that this share of the harmless ones isn't."""
    harmless = validation.labels == 0
    return _quantile(cheap[harmless], validation.balance(power=0.5)[harmless], 1 - share)


def _answer_clear(weights: Weights, validation: Part, cheap: Numbers, logits: Numbers) -> float:
    """Return the cheap logit below which answers are cleared: as high as leaves what is found of bad ones."""
    bad = (validation.labels == 1) & np.isin(validation.sources, BAD_ANSWERS)
    found = cheap[bad & (logits >= logit(weights.answer_threshold))]
    lowest = float(np.quantile(found, 1 - ANSWERS_KEPT, method="lower")) if len(found) else weights.clear
    return max(weights.clear, lowest)


def _regression(features: Any, labels: npt.NDArray[np.int64], weights: Numbers, strength: float) -> Coefficients:
    model = LogisticRegression(C=strength, max_iter=1000, random_state=SEED).fit(
        features, labels, sample_weight=weights
    )
    return np.append(model.coef_[0], model.intercept_[0]).astype(np.float32)


def _platt(logits: Numbers, labels: npt.NDArray[np.int64], weights: Numbers) -> tuple[float, float]:
    """Return slope and intercept from logits to calibrated ones; a low constant line where there's one label only."""
    if len(np.unique(labels)) < 2:
        return 1.0, -5.0
    model = LogisticRegression(C=1e6, max_iter=1000).fit(logits[:, None], labels, sample_weight=weights)
    return max(LEAST_SLOPE, float(model.coef_[0][0])), float(model.intercept_[0])


def _quantile(values: Numbers, weights: Numbers, share: float) -> float:
    """Return the least number below which at least `share` of the weight lies."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order]) / weights.sum()
    index = min(int(np.searchsorted(cumulated, share)), len(values) - 1)
    return float(np.nextafter(values[order][index], np.inf))
