"""Scorers of one text of a call: those that have it are judged in one batch, and the others are told apart."""

from collections.abc import Callable, Sequence
from typing import Literal

from services.scorers.contract import Card, Score, Subject, unjudged

TextSide = Literal["prompt", "response"]
Row = tuple[Score, ...]

ABSENT = {"prompt": "no prompt", "response": "no answer"}


def text_of(subject: Subject, side: TextSide) -> str:
    """Return the text of a side."""
    return subject.prompt if side == "prompt" else subject.answer


def rows_of_texts(
    card: Card, subjects: Sequence[Subject], side: TextSide, judge: Callable[[Sequence[str]], Sequence[Row]]
) -> list[Row]:
    """Return a row for each subject: of `judge` where it has a text of that side that is not blank."""
    texts = [text_of(subject, side) for subject in subjects]
    present = [at for at, text in enumerate(texts) if text.strip()]
    rows = [unjudged(card, ABSENT[side])] * len(subjects)
    for at, row in zip(present, judge([texts[at] for at in present]) if present else (), strict=True):
        rows[at] = row
    return rows
