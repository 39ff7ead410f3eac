"""`id` and `model` of an answer put under our names, where they are there, and no other byte touched. Pure.

OpenAI's Responses API takes an answer's id back (`previous_response_id`), so there the client's id
carries the upstream's behind ours.
"""

import json
import re

import msgspec

from services.gateway.wire.formats.members import Cut, Member, Members, members_of, removal, spliced

# The usual beginning: an id, then nothing but plain values up to the model.
_PLAIN = rb'"[^"\\]*+"\s*:\s*(?:"[^"\\]*+"|[\w.+-]++)\s*,\s*'
_HEAD = re.compile(rb'\s*\{\s*"id"\s*:\s*("[^"\\]*+")\s*,\s*(?:' + _PLAIN + rb')*?"model"\s*:\s*("[^"\\]*+")')
_PAIR = re.compile(r"^(resp_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(.+)$", re.DOTALL)


def ours(client_id: str) -> str:
    """Return the request's id in an id that a client has seen."""
    pair = _PAIR.match(client_id)
    return pair[1] if pair else client_id


def theirs(client_id: str) -> str:
    """Return the upstream's id in an id that a client has seen."""
    pair = _PAIR.match(client_id)
    return pair[2] if pair else client_id


class Addresses:
    """What one call's answer and its chunks are called outside.

    Args:
        paired: The upstream's id stays behind ours.
        hides_usage: A `usage` of null, there because we asked for usage, is taken out.
    """

    def __init__(self, request_id: str, app: str, *, paired: bool = False, hides_usage: bool = False) -> None:
        self._request_id, self._paired, self._hides_usage = request_id, paired, hides_usage
        self._id, self._model = msgspec.json.encode(request_id), msgspec.json.encode(app)
        self._head = self._new_head = b""

    def put_on(self, data: bytes) -> bytes:
        """Return a whole answer or a chunk under our names."""
        known = self._head and data.startswith(self._head)
        data = self._new_head + data[len(self._head) :] if known else self._located(data)
        return _without_null_usage(data) if self._hides_usage else data

    def put_on_event(self, data: bytes) -> bytes:
        """Return an event of the Responses API under our names; they stand in its `response`."""
        member = members_of(data).get("response") if b'"response"' in data else None
        if member is None:
            return data
        return spliced(data, [Cut(member.value, member.end, self.put_on(data[member.value : member.end]))])

    def _located(self, data: bytes) -> bytes:
        if not self._paired and (head := _HEAD.match(data)):
            (from_, to), (start, end) = head.span(1), head.span(2)
            self._head = data[:end]
            self._new_head = b"".join((data[:from_], self._id, data[to:start], self._model))
            return self._new_head + data[end:]
        return spliced(data, self._cuts(data, members_of(data)))

    def _cuts(self, data: bytes, members: Members) -> list[Cut]:
        cuts = []
        if (at := members.get("id")) is not None:
            cuts.append(Cut(at.value, at.end, self._pair(data, at) if self._paired else self._id))
        if (at := members.get("model")) is not None:
            cuts.append(Cut(at.value, at.end, self._model))
        return cuts

    def _pair(self, data: bytes, at: Member) -> bytes:
        try:
            upstream_id = json.loads(data[at.value : at.end])
        except ValueError:
            return self._id
        return json.dumps(f"{self._request_id}.{upstream_id}").encode() if upstream_id else self._id


def _without_null_usage(data: bytes) -> bytes:
    if data.endswith(b',"usage":null}'):
        return data[:-14] + b"}"
    if b'"usage"' not in data:
        return data
    at = members_of(data).get("usage")
    return spliced(data, [removal(data, at)]) if at and data[at.value : at.end] == b"null" else data
