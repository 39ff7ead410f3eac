"""A text as it reads once escapes are undone, and where each character of that stands in the text. Pure.

Undone are percent-encoding, `+` for a space, JSON's backslashes, and characters that nobody sees. Whatever
is found in the view is masked where it stands in the text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.privacy.spans import Span

# It begins with one of a few characters, so that a text without them is read once and fast.
_ESCAPE = re.compile(
    r"[%\\+&\u200b-\u200d\u2060\ufeff\u00ad](?:(?<=%)[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*+"
    r"|(?<=\\)(?:u[0-9A-Fa-f]{4}|[\\/\"'bfnrt])|(?<=[0-9A-Za-z]\+)(?=[0-9A-Za-z])"
    r"|(?<=&)(?:#(?:[0-9]{1,6}|x[0-9A-Fa-f]{1,5})|amp|commat|nbsp|quot|colon|period);|(?<=[\u200b-\u200d\u2060\ufeff\u00ad]))"
)
# Longer than what is read around a value, and any word at which it can be cut.
_NEAR, _LONGEST_CUT = 160, 64
_GAP = "\x1d"  # ASCII's separator of groups: white space to every pattern
_SIMPLE = {"b": " ", "f": " ", "n": "\n", "r": "\n", "t": " "}
_ENTITIES = {"amp": "&", "commat": "@", "nbsp": " ", "quot": '"', "colon": ":", "period": "."}
# One character for one: figures of other scripts, wide forms, the spaces and hyphens of typesetters.
_ALIKE = {
    **dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"), "-"),
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF0D},
    **{zero + d: str(d) for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50)
       for d in range(10)},
}  # fmt: skip
_ANY_ALIKE = re.compile("[" + "".join(re.escape(chr(code)) for code in sorted(_ALIKE)) + "]+")


def alike(text: str) -> str:
    """Return a text of the same length with figures, spaces and hyphens of all kinds as ASCII has them."""
    return text if text.isascii() else _ANY_ALIKE.sub(_as_ascii, text)


def _as_ascii(run: re.Match[str]) -> str:
    return run[0].translate(_ALIKE)


@dataclass(frozen=True, slots=True)
class View:
    """A text with escapes undone.

    Attributes:
        starts: Where its pieces begin, ascending from 0: what stands as it is, and escapes, in turn.
        places: Where each piece stands in the text.
        widths: How long an escape is in the text; 0 for what stands as it is.
    """

    text: str
    starts: list[int]
    places: list[int]
    widths: list[int]

    def back(self, span: Span) -> Span:
        """Return where a span of the view stands in the text."""
        return Span(self._place(span.start), self._end(span.end - 1), span.kind)

    def is_whole(self, span: Span) -> bool:
        """Whether nothing was left out within a span of the view."""
        return _GAP not in self.text[span.start : span.end]

    def _place(self, at: int) -> int:
        piece = bisect_right(self.starts, at) - 1
        if self.widths[piece]:  # an escape is one piece, whatever part of it is meant
            return self.places[piece]
        return self.places[piece] + at - self.starts[piece]

    def _end(self, last: int) -> int:
        piece = bisect_right(self.starts, last) - 1
        if width := self.widths[piece]:
            return self.places[piece] + width
        return self.places[piece] + last - self.starts[piece] + 1


def view_of(text: str) -> View | None:
    """Return the view of a text, None where it has no escapes. What stands far from any is left out of it."""
    if _ESCAPE.search(text) is None:
        return None
    parts: list[str] = []
    view = View("", [], [], [])
    length = at = 0

    def add(place: int, piece: str, width: int = 0) -> None:
        nonlocal length
        view.starts.append(length)
        view.places.append(place)
        view.widths.append(width)
        parts.append(piece)
        length += len(piece)

    for match in _ESCAPE.finditer(text):
        for start, end in _near(text, at, match.start(), behind=bool(at)):
            add(start, f"{text[start:end]}{_GAP if end < match.start() else ''}")
        add(match.start(), _undone(match[0]), match.end() - match.start())
        at = match.end()
    start, end = next(_near(text, at, len(text), behind=True))
    add(start, text[start:end])
    return replace(view, text="".join(parts))


def _near(text: str, start: int, end: int, *, behind: bool) -> Iterator[tuple[int, int]]:
    """Yield what of text[start:end] is near an escape behind it, and one before it if there is one; cut at spaces."""
    if end - start <= 2 * (_NEAR + _LONGEST_CUT):
        yield start, end
        return
    if behind:
        cut = text.find(" ", start + _NEAR, start + _NEAR + _LONGEST_CUT)
        yield start, cut if cut >= 0 else start + _NEAR
    cut = text.rfind(" ", end - _NEAR - _LONGEST_CUT, end - _NEAR)
    yield cut if cut >= 0 else end - _NEAR, end


def _undone(escape: str) -> str:
    if escape[0] == "%":
        return bytes.fromhex(escape.replace("%", "")).decode(errors="replace")
    if escape == "+":
        return " "
    if escape[0] == "\\":
        return chr(int(escape[2:], 16)) if escape[1] == "u" else _SIMPLE.get(escape[1], escape[1])
    if escape.startswith("&#"):
        code = int(escape[3:-1], 16) if escape[2] == "x" else int(escape[2:-1])
        return chr(code) if code < 0x110000 else " "
    return _ENTITIES.get(escape[1:-1], "")
