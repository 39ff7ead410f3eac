"""What joining remembers of an answer, and when two texts are the same. Pure.

An answer's text is kept up to KEPT_CHARACTERS of its normalised form, with a check sum of the rest: whether it
is the right one is told of all of it, how far it is from a correction of that beginning alone.
"""

import zlib
from typing import NamedTuple

import msgspec

from schemas.inference import InferenceResponded, Message
from schemas.record import Series, series_of

KEPT_CHARACTERS = 256
_PUNCTUATION = " \t.,;:!\"'`"
_UNREADABLE = (msgspec.DecodeError, ArithmeticError, ValueError, RecursionError)


class Comparable(NamedTuple):
    """A text as texts are compared.

    Attributes:
        text: Normalised, at most KEPT_CHARACTERS.
        rest: Check sum (CRC-32) of what is beyond them; 0 where nothing is.
    """

    text: str
    rest: int = 0


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What joining needs of a response.

    Attributes:
        text: The answer; normalised only if it is long, because few answers are ever judged.
        rest: As Comparable's, of a long one.
    """

    event_id: str
    series: Series
    model: str
    text: str
    logged: int
    rest: int = 0

    @property
    def comparable(self) -> Comparable:
        """The answer as texts are compared."""
        return Comparable(self.text, self.rest) if self.rest else comparable(self.text)


def normalised(text: str) -> str:
    """Return a label or an answer without what doesn't distinguish labels: case, space, punctuation.

    At most KEPT_CHARACTERS; what is normalised already stays as it is.
    """
    return _folded(text)[:KEPT_CHARACTERS].strip(_PUNCTUATION)


def comparable(text: str) -> Comparable:
    """Return a text as texts are compared: of JSON neither spaces nor the order of names make a difference."""
    whole = _folded(canonical(text))
    rest = whole[KEPT_CHARACTERS:].rstrip(_PUNCTUATION)
    return Comparable(
        whole[:KEPT_CHARACTERS].strip(_PUNCTUATION), zlib.crc32(rest.encode(errors="replace")) if rest else 0
    )


def canonical(text: str) -> str:
    """Return JSON objects and arrays with their names in order and without spaces, any other text as it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return msgspec.json.encode(msgspec.json.decode(text), order="sorted").decode()
    except _UNREADABLE:
        return text


def written(message: Message | None) -> str:
    """Return what a message says: its text, then a line for each function that it calls."""
    if message is None:
        return ""
    text = message.content if type(message.content) is str else message.text
    if not message.tool_calls:
        return text
    calls = [f"{call.name} {canonical(call.arguments)}" for call in message.tool_calls]
    return "\n".join((text, *calls) if text else calls)


def answer_of(responded: InferenceResponded, logged: int, series: Series | None = None) -> Answer:
    """Return what is remembered of a response; `series` is its series, when the caller has it at hand."""
    text, rest = written(responded.output), 0
    if len(text) > KEPT_CHARACTERS:
        text, rest = comparable(text)
    return Answer(responded.event_id, series or series_of(responded), responded.model, text, logged, rest)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
