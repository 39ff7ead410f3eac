"""Answers from flags, or from a person on a terminal, or from defaults; a wrong or missing one is one line."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import typer

from services.commands.outcome import UNUSABLE, fail

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Question(Generic[_Value]):
    """One thing to know.

    Attributes:
        judge: Makes a value of a text; raises ValueError with one line.
        default: Stands where nobody answers; None where somebody must.
        offered: What a person gets by pressing Enter, when that is not the default.
    """

    flag: str
    text: str
    judge: Callable[[str], _Value]
    default: str | None = None
    offered: str | None = None


class Questions:
    """Asks for what no flag says.

    Args:
        terminal: A person is there.
    """

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal

    def one(self, question: Question[_Value], given: str | None) -> _Value:
        """Return the answer of the flag, of the person, or the default; without any, end the command."""
        if given is None and self._terminal:
            offered = question.default if question.offered is None else question.offered
            return _asked(question.text, offered, question.judge)
        answer = question.default if given is None else given
        if answer is None:
            fail(f"{question.flag} is missing: {question.text}", UNUSABLE)
        return _judged(question, answer)

    def several(self, question: Question[_Value], given: Sequence[str]) -> tuple[_Value, ...]:
        """Return each answer once, in order; none is an answer. On a terminal commas part them."""
        if given or not self._terminal:
            return tuple(dict.fromkeys(_judged(question, text) for text in given))
        return _asked(question.text, "", lambda text: tuple(dict.fromkeys(map(question.judge, _parted(text)))))


def _asked(text: str, offered: str | None, judge: Callable[[str], _Value]) -> _Value:
    while True:
        answer = typer.prompt(text, default=offered, show_default=bool(offered))
        try:
            return judge(str(answer))
        except ValueError as error:
            print(f"  {error}", file=sys.stderr)


def _judged(question: Question[_Value], text: str) -> _Value:
    try:
        return question.judge(text)
    except ValueError as error:
        fail(f"{question.flag}: {error}", UNUSABLE)


def _parted(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
