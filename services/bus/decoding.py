"""From message to record, with the judgement of schemas.codec."""

from schemas.codec import decode
from schemas.record import Record
from services.bus.message import Message


def decoded(message: Message) -> Record:
    """Return the record that a message carries.

    Raises:
        BadRecord: It can't be taken; only the sink dead-letters it, everyone else skips and counts.
    """
    return decode(message.topic, message.value, message.logged_at)
