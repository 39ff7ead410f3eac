"""JSON that other writers let pass, made into JSON that a strict reader takes. Pure.

For bodies and attributes that were refused as they came: what one writer got wrong in one place must not
cost its neighbours.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_WORD = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[-+.\w]+', re.DOTALL)
_BRACKETS = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[\[{]+|[\]}]+', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u([dD][89abAB])..\\u([dD][c-fC-F])..|u([dD][89a-fA-F])..|.)", re.DOTALL)
_STRUCTURE = re.compile(r'"(?:[^"\\]+|\\.)*+("?)|[\[\]{},]', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_CLOSER = {"[": "]", "{": "}"}
_NO_NUMBERS = (b"NaN", b"Infinity", b"-Infinity")
_ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder(object)
# Deeper than any message; a reader that calls itself for each level has to stay far from its limit.
_DEEPEST = 100


def read(reader: Callable[[bytes], T], data: bytes) -> T:
    """Return what a reader of JSON makes of a text as it came, or mended if it refuses that.

    Raises:
        UNREADABLE: It refuses the mended text as well.
    """
    try:
        return reader(data)
    except UNREADABLE:
        return reader(mended(data))


def any_json(data: bytes) -> object:
    """Return what a JSON text holds, mended if need be.

    Raises:
        UNREADABLE: It is none.
    """
    return read(_ANY.decode, data)


def mended(data: bytes) -> bytes:
    """Return JSON without what strict readers refuse; what is no JSON stays none.

    Bytes that are no UTF-8 and lone halves of surrogate pairs become U+FFFD. NaN, infinities and numbers
    beyond a double become null, and so does what is nested deeper than 100 levels.
    """
    text = data.decode(errors="replace").encode()
    return _flattened(_WORD.sub(_word, text))


def _word(match: re.Match[bytes]) -> bytes:
    token = match[0]
    if token[:1] == b'"':
        return _ESCAPE.sub(_escape, token) if b"\\u" in token else token
    return b"null" if token in _NO_NUMBERS or _beyond(token) else token


def _escape(match: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if match[3] else match[0]


def _beyond(token: bytes) -> bool:
    if not token[-1:].isdigit() or (len(token) < 300 and b"e" not in token.lower()):
        return False
    try:
        return abs(float(token)) == float("inf")
    except ValueError:
        return False


def _flattened(text: bytes) -> bytes:
    kept: list[bytes] = []
    depth = at = 0
    for match in _BRACKETS.finditer(text):
        before = depth
        if match[0][:1] in b"[{":
            depth += len(match[0])
            if before <= _DEEPEST < depth:
                kept += [text[at : match.start() + _DEEPEST - before], b"null"]
        elif match[0][:1] in b"]}":
            depth -= len(match[0])
            if depth <= _DEEPEST < before:
                at = match.start() + before - _DEEPEST
    return b"".join([*kept, text[at:]]) if depth <= _DEEPEST else text


def closed(text: str) -> str:
    """Return the start of a JSON text, as a limit on attributes leaves it, with what it left open closed.

    May still be no JSON: the cut can fall within a name or a number. See `shorter`.
    """
    open_, end, quote = _open_at_the_end(text)
    return (_HALF_ESCAPE.sub("", text[:end]) + '"' if quote else text) + "".join(reversed(open_))


def shorter(text: str) -> str:
    """Return a JSON text up to its last comma outside of strings; empty when there is none."""
    commas = [match.start() for match in _STRUCTURE.finditer(text) if match[0] == ","]
    return text[: commas[-1]] if commas else ""


def _open_at_the_end(text: str) -> tuple[list[str], int, bool]:
    """Return the closers that are missing, the end of the last token, and whether that is an open string."""
    closers: list[str] = []
    end, quote = 0, False
    for match in _STRUCTURE.finditer(text):
        end, quote = match.end(), match[0][0] == '"' and not match[1]
        if match[0] in _CLOSER:
            closers.append(_CLOSER[match[0]])
        elif match[0] in "]}" and closers:
            closers.pop()
    return closers, end, quote
