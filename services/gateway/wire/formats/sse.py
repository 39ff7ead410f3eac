"""Server-sent events (WHATWG HTML 9.2) in a byte stream: cut apart, looked into, rewritten in place. Pure."""

import re
from collections.abc import Callable

MAX_EVENT_BYTES = 4 * 1024 * 1024
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE = re.compile(rb"[^\r\n]*+(?>\r\n|\n|\r|\Z)")
_DATA = re.compile(rb"(?:\xef\xbb\xbf)?data(?:: ?|(?=[\r\n]|\Z))")


class EventSplitter:
    """Cuts a byte stream into events, however the network chunked it, and loses no byte of it.

    Attributes:
        rest: What came behind the last whole event.
    """

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the events that are whole now, blank lines included."""
        text = self.rest + chunk if self.rest else chunk
        if b"\r" not in text and text.endswith(b"\n\n"):
            self.rest = b""
            return [event + b"\n\n" for event in text[:-2].split(b"\n\n")]
        events, at = [], 0
        # A carriage return at the very end may be half of a line's end.
        for end in _END.finditer(text, 0, len(text) - text.endswith(b"\r")):
            events.append(text[at : end.end()])
            at = end.end()
        self.rest = text[at:]
        return events


def data_of(event: bytes) -> bytes:
    """Return the data of an event, empty when it has none."""
    return event[6:-2] if is_plain(event) else _joined(event)


def is_plain(event: bytes) -> bool:
    """Return whether an event is `data: `, its data, and a blank line: the form that nearly all have."""
    return event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event


def with_data(event: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """Return an event with its data edited and all else as it was."""
    if is_plain(event):
        return b"data: " + edit(event[6:-2]) + b"\n\n"
    lines = _LINE.findall(event)
    at = [number for number, line in enumerate(lines) if _DATA.match(line)]
    if not at:
        return event
    joined = _joined(event)
    edited = edit(joined)
    if edited == joined:
        return event
    first, end = lines[at[0]], lines[at[-1]]
    head, tail = _prefix(first), end[len(end.rstrip(b"\r\n")) :]
    lines[at[0]] = (tail or b"\n").join(head + part for part in edited.split(b"\n")) + tail
    return b"".join(line for number, line in enumerate(lines) if number == at[0] or number not in at)


def _joined(event: bytes) -> bytes:
    lines = (line.rstrip(b"\r\n") for line in _LINE.findall(event))
    return b"\n".join(line[found.end() :] for line in lines if (found := _DATA.match(line)))


def _prefix(line: bytes) -> bytes:
    found = _DATA.match(line)
    return found.group() if found else b""
