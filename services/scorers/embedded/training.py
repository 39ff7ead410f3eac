"""Trains both heads: `python -m services.scorers.embedded.training FOLDER`, a child process of whoever needs them.

Tells how far it is on standard output, a JSON object a line: {"done": 0.4, "what": "harm: cheap look"}. It
alone loads scikit-learn; the process that scores never does.
"""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from services.scorers.embedded.cascade import Head
from services.scorers.embedded.corpora import Corpus, corpora
from services.scorers.embedded.encoder import Encoder
from services.scorers.embedded.examples import Judgement
from services.scorers.embedded.fitting import BAD_SHARE, FALSE_ALARMS, Told, fit
from services.scorers.embedded.heldout import held_out
from services.scorers.embedded.neighbours import near
from services.scorers.embedded.store import digest, head_name, save
from services.scorers.embedding import Embedder

# Reading, then for each of two heads: cheap look, training texts, validation texts.
STAGES = 7


def train(folder: Path) -> None:
    """Train the heads into a folder, telling how far it is."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = iter(range(1_000))

    def tell(what: str) -> None:
        print(json.dumps({"done": min(next(steps) / STAGES, 1.0), "what": what}), flush=True)

    tell("reading labelled texts")
    embedder, encoder = Embedder.load(), Encoder.load(remember=50_000)
    for judgement, learnt in corpora(held_out(), partial(near, embedder=embedder)).items():
        began = time.monotonic()
        weights = fit(judgement, learnt, embedder, encoder, partial(_told, tell, judgement))
        figures = _figures(Head("", weights, embedder, encoder), learnt)
        save(weights, {**figures, "seconds": round(time.monotonic() - began, 1)}, folder / head_name(judgement))


def _told(tell: Told, judgement: Judgement, what: str) -> None:
    tell(f"{judgement}: {what}")


def _figures(head: Head, learnt: Corpus) -> dict[str, Any]:
    """Return what is known of a head right after training, by the validation part."""
    labels = np.array([e.label for e in learnt.validation])
    scores = head.score([e.text for e in learnt.validation])
    unsafe = scores >= head.threshold
    return {
        "data": digest(),
        "trained_on": {"bad": sum(e.label for e in learnt.train), "harmless": sum(not e.label for e in learnt.train)},
        "threshold": round(head.threshold, 4),
        "answer_threshold": round(head.answer_threshold, 4),
        "threshold_chosen_for": {"false_alarms": FALSE_ALARMS, "share_of_bad": BAD_SHARE},
        "validation": {
            "bad": int(labels.sum()),
            "harmless": int((labels == 0).sum()),
            "recall": round(float(unsafe[labels == 1].mean()), 4),
            "false_alarms": round(float(unsafe[labels == 0].mean()), 4),
        },
    }


def main(arguments: Sequence[str]) -> None:
    """Train into the folder that is named."""
    (folder,) = arguments
    train(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
