"""How right the embedded heads are on what no training saw, and how fast.

    python -m tests.bench.heads [--data FOLDER] [--resamples 300] [--only NAME ...]

Heads are taken from the data folder, or trained into it. For each held-out set: share of alarms among its
harmless texts at the head's own threshold, recall there, AUC, and recall at 1 % false alarms on the set's own
harmless texts; 95 % intervals by bootstrap over texts, within each label. Speed on everyday chat and on
held-out attacks. The last line is JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.scorers.embedded.examples import JUDGEMENTS, Example
from services.scorers.embedded.heldout import heldout_sets
from services.scorers.embedded.recent import Recent
from services.scorers.embedding import Embedder
from services.scorers.heads import Head, Probabilities, harm_head, injection_head
from tests.bench.machine import machine

SEED = 7
Labels = npt.NDArray[np.int64]
Figure = Callable[[Labels, Probabilities], float]


def figures(head: Head, examples: Sequence[Example], scores: Probabilities, resamples: int) -> dict[str, Any]:
    """Return the figures of one set, each with its interval."""
    labels = np.array([example.label for example in examples])
    unsafe = scores >= head.threshold
    found: dict[str, Any] = {"n": len(labels), "bad": int(labels.sum())}
    wanted: dict[str, Figure] = {}
    if (labels == 0).any():
        wanted["false_alarms"] = lambda y, s: float((s[y == 0] >= head.threshold).mean())
        found["alarms"] = int(unsafe[labels == 0].sum())
    if labels.any():
        wanted["recall"] = lambda y, s: float((s[y == 1] >= head.threshold).mean())
    if labels.any() and (labels == 0).any():
        wanted["auc"] = area
        wanted["recall_at_1_percent"] = recall_at(0.01)
    for name, figure in wanted.items():
        low, high = interval(figure, labels, scores, resamples)
        found[name] = [round(value, 4) for value in (figure(labels, scores), low, high)]
    return found


def area(labels: Labels, scores: Probabilities) -> float:
    """Return the area under the ROC curve: the chance that a bad text scores above a harmless one, ties half."""
    harmless, bad = np.sort(scores[labels == 0]), scores[labels == 1]
    below = np.searchsorted(harmless, bad, "left") + np.searchsorted(harmless, bad, "right")
    return float(below.mean() / (2 * len(harmless)))


def recall_at(share: float) -> Figure:
    """Return the recall at the least threshold at which at most `share` of the harmless texts are called bad."""

    def figure(labels: Labels, scores: Probabilities) -> float:
        threshold = np.quantile(scores[labels == 0], 1 - share, method="higher")
        return float((scores[labels == 1] > threshold).mean())

    return figure


def interval(figure: Figure, labels: Labels, scores: Probabilities, resamples: int) -> tuple[float, float]:
    """Return the 95 % interval of a figure, texts drawn again within each label."""
    random = np.random.default_rng(SEED)
    groups = [np.flatnonzero(labels == label) for label in (0, 1)]
    values = []
    for _ in range(resamples):
        drawn = np.concatenate([random.choice(group, len(group)) for group in groups if len(group)])
        values.append(figure(labels[drawn], scores[drawn]))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def speed(head: Head, texts: Sequence[str]) -> dict[str, float]:
    """Return texts a second, by the clock and by processor time, and the share that was looked at closely."""
    head.score(texts[:64])
    head = replace(head, recent=Recent())
    head.encoder._known.clear()  # type: ignore[attr-defined]  # what it remembers would flatter it
    began, used = time.monotonic(), time.process_time()
    for start in range(0, len(texts), 64):
        head.score(texts[start : start + 64])
    return {
        "texts_per_s": round(len(texts) / (time.monotonic() - began)),
        "texts_per_core_s": round(len(texts) / (time.process_time() - used)),
    }


def slices(head: Head, examples: Sequence[Example], scores: Probabilities, key: str) -> dict[str, Any]:
    """Return by language or kind: how many texts, and how many alarms."""
    found: dict[str, Any] = {}
    for name in sorted({getattr(example, key) for example in examples}):
        chosen = np.array([getattr(example, key) == name for example in examples])
        found[name] = {"n": int(chosen.sum()), "alarms": int((scores[chosen] >= head.threshold).sum())}
    return found


def report(heads: Mapping[str, Head], resamples: int, only: Sequence[str] = ()) -> dict[str, Any]:
    """Return the figures of every set, with slices where they say something."""
    found: dict[str, Any] = {}
    for name, examples in heldout_sets().items():
        if only and name not in only:
            continue
        head = heads[name.partition("/")[0]]
        scores = head.score([example.text for example in examples])
        found[name] = figures(head, examples, scores, resamples)
        key = {"languages": "language", "other-languages": "language"}.get(name.partition("/")[2], "kind")
        bad = [index for index, example in enumerate(examples) if example.label or found[name]["bad"] == 0]
        found[name]["by"] = slices(head, [examples[i] for i in bad], scores[bad], key)
        print(name, {k: v for k, v in found[name].items() if k != "by"}, flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--resamples", type=int, default=300)
    parser.add_argument("--only", nargs="*", default=())
    chosen = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        data = chosen.data or Path(folder)
        embedder = Embedder.load()
        began = time.monotonic()
        heads = {"injection": injection_head(data, embedder), "harm": harm_head(data, embedder)}
        loading = round(time.monotonic() - began, 1)
    sets = report(heads, chosen.resamples, chosen.only)
    texts = {
        "everyday-chat": [e.text for e in heldout_sets()["harm/everyday-chat"]],
        "bad": [e.text for name in ("harm/harmbench", "injection/promptwl") for e in heldout_sets()[name] if e.label],
    }
    rates = {f"{j} on {name}": speed(heads[j], some) for j in JUDGEMENTS for name, some in texts.items()}
    versions = {j: head.version for j, head in heads.items()}
    result = {"bench": "heads", **before, "heads": versions, "loading_s": loading, "speed": rates, "sets": sets}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
