"""Tool calls that come in pieces, put together. Pure.

Pieces belong together by their index; but servers are met that give every call index 0, or none, and
some that say the name again in every piece. So a new id at a taken index is a new call, and a name
that is there already is not added to itself.
"""

from typing import Any

from schemas.inference import ToolCall
from services.gateway.wire.formats.reading import Doubts, mapping
from services.gateway.wire.messages import call_of


class HeardCalls:
    """The tool calls of one choice of a stream."""

    __slots__ = ("_calls", "_places")

    def __init__(self) -> None:
        self._calls: list[list[str]] = []
        self._places: dict[int, int] = {}

    def hear(self, pieces: list[Any], doubts: Doubts) -> None:
        """Take the calls of one delta."""
        for piece in pieces:
            wire = mapping(piece)
            heard = call_of(wire, doubts) if _says(wire) else ToolCall(id="", name="")
            self._add(wire.get("index"), heard)

    def whole(self) -> tuple[ToolCall, ...]:
        """Return the calls as far as they have come, in the order of their beginnings."""
        return tuple(ToolCall(id=call[0], name=call[1], arguments=call[2]) for call in self._calls)

    def _add(self, index: object, heard: ToolCall) -> None:
        call = self._calls[self._place(index, heard)]
        call[0] = call[0] or heard.id
        if heard.name != call[1]:
            call[1] += heard.name
        call[2] += heard.arguments

    def _place(self, index: object, heard: ToolCall) -> int:
        number = index if type(index) is int else None
        at = self._of_id(heard.id) if number is None else self._places.get(number)
        if at is None or (heard.id and self._calls[at][0] not in ("", heard.id)):
            self._calls.append(["", "", ""])
            at = len(self._calls) - 1
        if number is not None:
            self._places[number] = at
        return at

    def _of_id(self, call_id: str) -> int | None:
        last = len(self._calls) - 1
        if not call_id:
            return last if self._calls else None
        return next((at for at, call in enumerate(self._calls) if call[0] == call_id), None)


def _says(wire: dict[str, Any]) -> bool:
    return any(name not in ("index", "id", "type") for name in wire) or not ("index" in wire or "id" in wire)
