"""Fits the embedded heads: `python -m services.scorers.fitting injection|harm FILE`, or `… measure`.

Runs in a process of its own, which alone loads scikit-learn. The threshold is the least at which at
most 1 % of the harmless validation prompts are called unsafe.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from services.scorers.corpora import Corpus, Example, harm_corpus, harm_elsewhere, injection_corpus
from services.scorers.embedding import Embedder
from services.scorers.heads import Head, Probabilities
from services.scorers.ngrams import BUCKETS, ngrams

FALSE_POSITIVES = 0.01
INVERSE_REGULARISATION = 10.0
SEED = 7


def fit_head(train: Sequence[Example], validation: Sequence[Example], embedder: Embedder) -> Head:
    """Return a head fitted on `train`, its threshold chosen on the harmless part of `validation`."""
    texts, labels = _columns(train)
    rows = embedder.embed(texts)
    grams = ngrams(texts)
    sparse = scipy.sparse.csr_matrix((grams.weights, (grams.rows, grams.buckets)), shape=(grams.texts, BUCKETS))
    head = Head("unnamed", 0.5, _coefficients(rows, labels), _coefficients(sparse, labels), embedder)
    harmless = head.score([example.text for example in validation if example.label == 0])
    threshold = float(np.quantile(harmless, 1 - FALSE_POSITIVES, method="higher"))
    return Head("unnamed", threshold, head.embedding, head.grams, embedder)


def save_head(head: Head, path: Path) -> None:
    """Write a head's arrays, whole or not at all."""
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, embedding=head.embedding, grams=head.grams, threshold=np.float64(head.threshold))
    os.replace(partial, path)


def measure(embedder: Embedder) -> dict[str, dict[str, float]]:
    """Return the quality of the heads on their test parts, and of one data set's head on another's prompts."""
    injection, harm = injection_corpus(), harm_corpus()
    quality = {
        "injection": _quality(fit_head(injection.train, injection.validation, embedder), injection.test),
        "harm": _quality(harm_head := fit_head(harm.train, harm.validation, embedder), harm.test),
    }
    for source in ("s-labs", "neuralchemy"):
        inside, outside = _part(injection, source, inside=True), _part(injection, source, inside=False)
        head = fit_head(inside.train, inside.validation, embedder)
        quality[f"injection, fitted on {source} alone, elsewhere"] = _quality(head, outside.test)
    elsewhere = harm_elsewhere()
    quality["harm, on harmbench against its look-alikes"] = _quality(harm_head, elsewhere)
    ordinary = [example for example in harm.test if example.label == 0]
    bad = [example for example in elsewhere if example.label == 1]
    quality["harm, on harmbench against ordinary prompts"] = _quality(harm_head, [*bad, *ordinary])
    return quality


def _part(corpus: Corpus, source: str, *, inside: bool) -> Corpus:
    """Return the examples of s-labs, or of everything that is not s-labs."""
    slabs = (source == "s-labs") == inside

    def keep(examples: Sequence[Example]) -> tuple[Example, ...]:
        return tuple(e for e in examples if (e.source == "s-labs") == slabs)

    return Corpus(keep(corpus.train), keep(corpus.validation), keep(corpus.test))


def _quality(head: Head, examples: Sequence[Example]) -> dict[str, float]:
    texts, labels = _columns(examples)
    scores = head.score(texts)
    unsafe = scores >= head.threshold
    return {
        "n": len(texts),
        "auc": round(float(roc_auc_score(labels, scores)), 4),
        "recall": round(float(unsafe[labels == 1].mean()), 4),
        "false_positives": round(float(unsafe[labels == 0].mean()), 4),
        "threshold": round(head.threshold, 4),
    }


def _columns(examples: Sequence[Example]) -> tuple[list[str], Probabilities]:
    return [example.text for example in examples], np.array([example.label for example in examples], np.float64)


def _coefficients(features: Any, labels: Probabilities) -> Any:
    model = LogisticRegression(C=INVERSE_REGULARISATION, class_weight="balanced", max_iter=2000, random_state=SEED).fit(
        features, labels
    )
    return np.append(model.coef_[0], model.intercept_[0]).astype(np.float32)


def main(arguments: Sequence[str]) -> None:
    """Fit one head into a file, or print the measured quality of both as JSON."""
    embedder = Embedder.load()
    if arguments == ["measure"]:
        print(json.dumps(measure(embedder), indent=2))
        return
    judgement, path = arguments
    corpus = injection_corpus() if judgement == "injection" else harm_corpus()
    save_head(fit_head(corpus.train, corpus.validation, embedder), Path(path))


if __name__ == "__main__":
    main(sys.argv[1:])
