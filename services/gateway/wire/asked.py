"""From a request's body to what is known of the call, and to the body for the upstream. Pure.

The upstream gets the bytes that came. In their places change: `model`, who the user is (where that is
the policy), the usage asked of a stream, and the id of an earlier response that we had readdressed.
A chat that asks for no form gets the constraint that its app's labels imply (services.gateway.wire.constraints).
"""

import json
from collections.abc import Callable
from typing import Literal

import msgspec

from schemas.declared import NOTHING_DECLARED, Declared
from schemas.inference import Message, Sampling
from services.gateway.wire.addresses import theirs
from services.gateway.wire.constraints import Constraint, constraint_cuts
from services.gateway.wire.declarations import declared_in
from services.gateway.wire.formats.members import Cut, Members, addition, members_of, removal, spliced
from services.gateway.wire.formats.reading import Doubts, decoded, mapping, name_of, number_of, text_of, total, whole_of

Form = Literal["as-sent", "with-usage", "whole"]
_IDENTITIES = ("user", "safety_identifier", "prompt_cache_key", "metadata")
_WITH_USAGE = b'{"include_usage":true}'
_NO_SAMPLING = Sampling()
_MOST_TAGS, _LONGEST_TAG = 64, 512
_CONSTRAINED = {"constrained": "labels"}


class Wire(msgspec.Struct, frozen=True):
    """The fields of a request that are looked at; they take whatever comes."""

    model: object = None
    messages: object = None
    prompt: object = None
    input: object = None
    instructions: object = None
    stream: object = None
    stream_options: object = None
    user: object = None
    safety_identifier: object = None
    metadata: object = None
    max_tokens: object = None
    max_completion_tokens: object = None
    max_output_tokens: object = None
    temperature: object = None
    top_p: object = None
    seed: object = None


_WIRE = msgspec.json.Decoder(Wire)


class Body(msgspec.Struct, frozen=True):
    """A request's body as it came.

    Attributes:
        members: Where its members stand.
        identity: Who the user is, as the upstream may know it.
        constraint: What holds the answer to the app's labels.
    """

    data: bytes
    members: Members
    identity: tuple[Cut, ...] = ()
    constraint: tuple[Cut, ...] = ()

    @classmethod
    def of(cls, data: bytes, rename: Callable[[str], str] | None, constraint: Constraint | None = None) -> "Body":
        """Return a body.

        Args:
            data: As it came.
            rename: Gives the pseudonym of a user; None when users go as they came.
            constraint: Added unless the body asks for a form of its own.
        """
        members = members_of(data)
        renamed = identity_cuts(data, members, rename) if rename else ()
        return cls(data, members, renamed, constraint_cuts(data, members, constraint))


class Asked(msgspec.Struct, frozen=True):
    """What a client asks for.

    Attributes:
        user: As the client names it; becomes a pseudonym before it goes anywhere.
        wants_usage: The client asked for the closing usage chunk of a stream.
        doubts: How much of it was not understood.
        declared: Tools, and the form of the answer.
    """

    body: Body
    messages: tuple[Message, ...] = ()
    sampling: Sampling = _NO_SAMPLING
    user: str = ""
    tags: dict[str, str] = {}
    wants_usage: bool = False
    doubts: int = 0
    declared: Declared = NOTHING_DECLARED

    def body_for(self, model: str, form: Form) -> bytes:
        """Return the body for an upstream that calls the version `model`.

        Args:
            model: What the upstream calls the version.
            form: As the client sent it; with the usage of a stream asked for; or not streamed.
        """
        data, members = self.body.data, self.body.members
        cuts = [*self.body.identity, *self.body.constraint, *self._usage_cuts(form), *_earlier(data, members)]
        if (at := members.get("model")) is not None:
            cuts.append(Cut(at.value, at.end, msgspec.json.encode(model)))
        return spliced(data, cuts)

    def _usage_cuts(self, form: Form) -> list[Cut]:
        data, members = self.body.data, self.body.members
        options, stream = members.get("stream_options"), members.get("stream")
        if form == "whole" and self.sampling.stream:
            ends = [Cut(stream.value, stream.end, b"false")] if stream else []
            return [*ends, removal(data, options)] if options else ends
        if form != "with-usage" or self.wants_usage:
            return []
        if options is None:
            return [addition(data, "stream_options", _WITH_USAGE)]
        return [Cut(options.value, options.end, _asking(data[options.value : options.end]))]


def read_wire(data: bytes) -> Wire | None:
    """Return the fields of a request; None when it is no JSON object."""
    return decoded(_WIRE, Wire, data)


def asked_in(wire: Wire, body: Body, messages: Callable[[Wire, Doubts], tuple[Message, ...]]) -> Asked:
    """Return what a request asks for, as far as it is understood."""
    doubts = Doubts()
    said = messages(wire, doubts)
    return Asked(
        messages=said,
        sampling=sampling_of(wire),
        user=text_of(wire.user) or text_of(wire.safety_identifier),
        tags=(_tags(wire.metadata) if wire.metadata else {}) | (_CONSTRAINED if body.constraint else {}),
        wants_usage=mapping(wire.stream_options).get("include_usage") is True,
        body=body,
        doubts=doubts.count,
        declared=total(lambda: declared_in(body.data, body.members), NOTHING_DECLARED, Doubts()),
    )


def sampling_of(wire: Wire) -> Sampling:
    """Return the sampling parameters as far as they are numbers."""
    most = wire.max_completion_tokens or wire.max_tokens or wire.max_output_tokens
    return Sampling(
        max_tokens=None if most is None else whole_of(most),
        temperature=None if wire.temperature is None else number_of(wire.temperature),
        top_p=None if wire.top_p is None else number_of(wire.top_p),
        seed=None if wire.seed is None else whole_of(wire.seed),
        stream=wire.stream is True,
    )


def identity_cuts(data: bytes, members: Members, rename: Callable[[str], str]) -> tuple[Cut, ...]:
    """Return the cuts that rename who the user is: every text under one of its four names.

    What is no text stays: the API takes none there, and the upstream is to say so.
    """
    places = [members[name] for name in _IDENTITIES if name in members]
    return tuple(Cut(at.value, at.end, _renamed(data[at.value : at.end], rename)) for at in places)


def _renamed(value: bytes, rename: Callable[[str], str]) -> bytes:
    if value.startswith(b"{"):
        inner = members_of(value).values()
        return spliced(value, [Cut(at.value, at.end, _renamed(value[at.value : at.end], rename)) for at in inner])
    if not value.startswith(b'"'):
        return value
    try:
        return msgspec.json.encode(rename(json.loads(value)))
    except ValueError:
        return b'""'


def _asking(options: bytes) -> bytes:
    members = members_of(options)
    if (at := members.get("include_usage")) is not None:
        return spliced(options, [Cut(at.value, at.end, b"true")])
    if options.startswith(b"{"):
        return spliced(options, [addition(options, "include_usage", b"true")])
    return _WITH_USAGE if options == b"null" else options


def _earlier(data: bytes, members: Members) -> list[Cut]:
    at = members.get("previous_response_id")
    if at is None:
        return []
    try:
        earlier = json.loads(data[at.value : at.end])
    except ValueError:
        return []
    if not isinstance(earlier, str) or theirs(earlier) == earlier:
        return []
    return [Cut(at.value, at.end, json.dumps(theirs(earlier)).encode())]


def _tags(metadata: object) -> dict[str, str]:
    few = list(mapping(metadata).items())[:_MOST_TAGS]
    return {name_of(name): text_of(value)[:_LONGEST_TAG] for name, value in few}
