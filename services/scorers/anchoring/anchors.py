"""The fixed texts. Their hash is their version: scores of other texts can't be compared.

They are written for this purpose, harmless and harmful, in thirty languages, short and odd, with answers for those
who read answers. No scorer is trained on them and no error rate is measured on them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from services.scorers.contract import Subject

_DIGITS = 12


class _Line(msgspec.Struct, frozen=True):
    kind: str
    prompt: str
    answer: str = ""
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anchors:
    """Calls that are scored whenever a scorer changes.

    Attributes:
        version: Hash of the texts in order.
        kinds: What each call stands for.
    """

    version: str
    subjects: tuple[Subject, ...]
    kinds: tuple[str, ...]

    def every(self, nth: int) -> "Anchors":
        """Return every n-th anchor: other texts, so with a version of their own."""
        return Anchors.of(self.subjects[::nth], self.kinds[::nth])

    @classmethod
    def of(cls, subjects: Sequence[Subject], kinds: Sequence[str] = ()) -> "Anchors":
        """Return anchors made of calls."""
        whole = hashlib.sha256()
        for subject in subjects:
            whole.update(msgspec.msgpack.encode((subject.prompt, subject.answer, subject.contexts)))
        return cls(whole.hexdigest()[:_DIGITS], tuple(subjects), tuple(kinds) or ("",) * len(subjects))


@cache
def anchors() -> Anchors:
    """Return the packaged anchors."""
    text = (files("services.scorers.anchoring") / "anchors.jsonl").read_bytes()
    lines = [msgspec.json.decode(line, type=_Line) for line in text.splitlines()]
    subjects = [Subject(prompt=line.prompt, answer=line.answer, contexts=line.contexts) for line in lines]
    return Anchors.of(subjects, [line.kind for line in lines])
