"""What a dead letter looks like, in its topic and in its table. Pure."""

from datetime import datetime

from schemas.codec import Headers, header
from schemas.tables import Value
from schemas.topics import DEAD_LETTER_SUFFIX
from services.clients.bus.message import Message

DEAD_LETTER_COLUMNS = (
    "source_topic",
    "source_topic_id",
    "source_partition",
    "source_offset",
    "source_element",
    "reason",
    "key",
    "value",
    "occurred_at",
    "topic_id",
    "partition",
    "offset",
    "recorded_at",
)


_ALONE = ("content-type", b"application/json")


def dead_letter_headers(message: Message, reason: str, element: int = 0) -> Headers:
    """Return a message's own headers and, behind them, where it stood and why it was refused.

    An element of an array leaves the array, so it is no longer called a batch.
    """
    own = [(name, value or b"") for name, value in message.headers]
    if element:
        own = [_ALONE if name == "content-type" else (name, value) for name, value in own]
    return [
        *own,
        ("dl_reason", reason.encode()),
        ("dl_topic", message.topic.encode()),
        ("dl_topic_id", message.topic_id.encode()),
        ("dl_partition", str(message.partition).encode()),
        ("dl_offset", str(message.offset).encode()),
        ("dl_element", str(element).encode()),
    ]


def dead_letter_row(message: Message, recorded_at: datetime) -> tuple[Value, ...]:
    """Return the row of a message in a dead-letter topic.

    Whoever wrote it there: what its headers don't tell is taken from where it stands, so that it is
    always stored, and two letters about one message are one row.
    """
    last = tuple(reversed(message.headers))  # a letter that died twice carries both sets
    return (
        header(last, "dl_topic") or message.topic.removesuffix(DEAD_LETTER_SUFFIX),
        header(last, "dl_topic_id") or message.topic_id,
        _number(header(last, "dl_partition"), message.partition, 2**31),
        _number(header(last, "dl_offset"), message.offset, 2**63),
        _number(header(last, "dl_element"), 0, 2**31),
        header(last, "dl_reason") or "no reason given",
        message.key or b"",
        message.value or b"",
        message.logged_at,
        message.topic_id,
        message.partition,
        message.offset,
        recorded_at,
    )


def _number(text: str, otherwise: int, below: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < below else otherwise
