"""Texts of calls as a page may show them: personal data masked, and no longer than one reads."""

from functools import lru_cache

import msgspec

from schemas.inference import Message
from services.scorers.pii import mask

LONGEST = 400
_BEFORE_MASKING = 4_000


def prompt_of(messages: object) -> str:
    """Return the last user message of a responses row's messages, masked; empty where there is no row."""
    if not isinstance(messages, str) or not messages:
        return ""
    told = msgspec.json.decode(messages, type=tuple[Message, ...])
    return shown(next((message.text for message in reversed(told) if message.role == "user"), ""))


def answer_of(output: object) -> str:
    """Return the text of a responses row's output, masked; empty where there is none."""
    if not isinstance(output, str) or output in ("", "null"):
        return ""
    return shown(msgspec.json.decode(output, type=Message).text)


@lru_cache(maxsize=512)
def shown(text: str) -> str:
    """Return a text masked, then cut; of a long one no more is masked than may be shown, and a margin."""
    masked = mask(text[:_BEFORE_MASKING])[0]
    return masked if len(masked) <= LONGEST and len(text) <= _BEFORE_MASKING else f"{masked[:LONGEST]} …"
