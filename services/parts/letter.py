"""A dead letter: which message it was, why it was refused, and what is sent again in its place. Pure.

The sink writes letters (services.sink.dead_letters); their dl_* headers are read here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.codec import Headers, header
from schemas.topics import DEAD_LETTER_SUFFIX
from services.clients.bus.message import Message

REPLAYED_FROM = "dl_replayed_from"
_OURS = "dl_"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter without its payload.

    Attributes:
        id: Where the refused message stood: `topic/partition/offset`, and `/element` of an array.
        topic: The topic it was refused on.
        topic_id: That topic's id; a re-created topic has the same places under another id.
        reason: Short, for people, without payload text.
        bytes: Size of the payload.
        refused_at: When the letter was written.
        replayed_from: Id of the letter whose replay this is; empty for the first of its kind.
    """

    id: str
    topic: str
    topic_id: str
    reason: str
    bytes: int
    refused_at: datetime
    replayed_from: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells letters of a topic and of its re-creation apart."""
        return self.topic_id, self.id


def letter_of(message: Message) -> Letter:
    """Return the letter in a message of a dead-letter topic; a stranger's message is named by where it stands."""
    last = tuple(reversed(message.headers))  # a letter that died twice carries both sets
    topic = header(last, "dl_topic") or message.topic.removesuffix(DEAD_LETTER_SUFFIX)
    place = [header(last, f"dl_{part}") for part in ("partition", "offset")]
    if not all(place):
        topic, place = message.topic, [str(message.partition), str(message.offset)]
    element = header(last, "dl_element").removeprefix("0")
    return Letter(
        id="/".join([topic, *place, *([element] if element else [])]),
        topic=topic.removesuffix(DEAD_LETTER_SUFFIX),
        topic_id=header(last, "dl_topic_id") or message.topic_id,
        reason=header(last, "dl_reason") or "no reason given",
        bytes=len(message.value or b""),
        refused_at=message.logged_at,
        replayed_from=header(last, REPLAYED_FROM),
    )


def replay_headers(message: Message) -> Headers:
    """Return the headers under which a letter is sent again: the original ones, and which letter it was."""
    original = [(name, value or b"") for name, value in message.headers if not name.startswith(_OURS)]
    return [*original, (REPLAYED_FROM, letter_of(message).id.encode())]


def pending(letters: Iterable[Letter], replayed: Collection[tuple[str, str]]) -> list[Letter]:
    """Return the letters that wait for a replay, each once, oldest first.

    Not those in `replayed`, nor those whose replay was refused again and so left a letter of its own. Of
    several letters about one message (the sink sends them again after a crash) the last counts.
    """
    found = {letter.key: letter for letter in letters}
    again = {(letter.topic, letter.replayed_from) for letter in found.values() if letter.replayed_from}
    return [
        letter for letter in found.values() if letter.key not in replayed and (letter.topic, letter.id) not in again
    ]
