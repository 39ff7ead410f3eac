"""Two light classifiers over prompts and answers: injection and harm. The safety processor's scorers.

A head is two logistic regressions, one over the embedding, one over hashed n-grams, whose logits are
averaged: measured across data sets the mixture beats each alone (services.scorers.fitting). Heads
are fitted once, in a child process so that this one never holds scikit-learn, and kept as arrays.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from services.scorers.corpora import corpus_files
from services.scorers.embedding import NAME as EMBEDDING
from services.scorers.embedding import Embedder, Vectors
from services.scorers.ngrams import ngrams

Judgement = Literal["injection", "harm"]
Probabilities = npt.NDArray[np.float64]

RECIPE = f"{EMBEDDING}; byte n-grams 3-5; logistic regression; 1"
EMBEDDING_SHARE = 0.25
FIT_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A fitted classifier.

    Attributes:
        version: Name and a hash of recipe and data.
        threshold: Probability from which a text counts as unsafe.
        embedding: Coefficients over the embedding, (256,), their intercept last: (257,).
        grams: Coefficients a bucket, their intercept last: (65537,).
    """

    version: str
    threshold: float
    embedding: npt.NDArray[np.float32]
    grams: npt.NDArray[np.float32]
    embedder: Embedder

    def score(self, texts: Sequence[str], embeddings: Vectors | None = None) -> Probabilities:
        """Return the probability that each text is bad, (len(texts),); 0 for an empty text.

        Args:
            texts: What to judge.
            embeddings: The texts' rows, if the caller has them.
        """
        if not texts:
            return np.zeros(0)
        rows = self.embedder.embed(texts) if embeddings is None else embeddings
        by_meaning = rows @ self.embedding[:-1] + self.embedding[-1]
        by_surface = ngrams(texts).dot(self.grams[:-1]) + self.grams[-1]
        logits = EMBEDDING_SHARE * by_meaning + (1 - EMBEDDING_SHARE) * by_surface
        present = np.array([bool(text.strip()) for text in texts])
        return np.where(present, 1 / (1 + np.exp(-logits)), 0.0)


def injection_head(data: Path, embedder: Embedder | None = None) -> Head:
    """Return the head that knows prompt injections, fitting it at first use."""
    return _head("injection", data, embedder or Embedder.load())


def harm_head(data: Path, embedder: Embedder | None = None) -> Head:
    """Return the head that knows requests for harm, fitting it at first use."""
    return _head("harm", data, embedder or Embedder.load())


def _head(judgement: Judgement, data: Path, embedder: Embedder) -> Head:
    path = head_file(judgement, data)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=FIT_TIMEOUT_S):
            if not path.exists():
                _fit_in_a_child(judgement, path)
    with np.load(path, allow_pickle=False) as arrays:
        version = f"{judgement}-head@{path.stem.rpartition('-')[2]}"
        return Head(version, float(arrays["threshold"]), arrays["embedding"], arrays["grams"], embedder)


def head_file(judgement: Judgement, data: Path) -> Path:
    """Return where a head is kept; the name carries the hash of the recipe and of the data's files."""
    digest = hashlib.sha256(RECIPE.encode())
    for file in corpus_files():
        digest.update(file.read_bytes())
    return data / "models" / "heads" / f"{judgement}-{digest.hexdigest()[:12]}.npz"


def _fit_in_a_child(judgement: Judgement, path: Path) -> None:
    command = [sys.executable, "-m", "services.scorers.fitting", judgement, str(path)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(  # noqa: S603  our own module, in our own interpreter
        command, capture_output=True, text=True, timeout=FIT_TIMEOUT_S, env=environment, check=False
    )
    if done.returncode != 0:
        raise FitFailedError(f"{judgement} head: {done.stderr.strip().splitlines()[-1:]}")


class FitFailedError(RuntimeError):
    """The child that fits a head failed; the message has its last line."""
