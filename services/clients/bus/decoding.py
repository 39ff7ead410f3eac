"""From message to records, with the judgement of schemas.codec."""

from schemas.codec import BadElement, decode, decode_elements
from schemas.record import Record
from services.clients.bus.message import Message


def decoded(message: Message) -> Record:
    """Return the record of a message of a topic that has one event a message: any but the inbound ones.

    Raises:
        BadRecord: It can't be taken; only the sink dead-letters it, everyone else skips and counts.
    """
    return decode(message.topic, message.value, message.logged_at)


def decoded_elements(message: Message) -> list[Record | BadElement]:
    """Return a verdict on each event in a message of any topic, in order."""
    return decode_elements(message.topic, message.value, message.headers, message.logged_at)
