"""What an endpoint is shown of a call, by the side that it judges. Pure."""

import msgspec

from schemas.scoring import Side
from services.scorers.contract import Subject

MAX_CHARACTERS = 100_000
"""What an endpoint sees of one text; a request that is refused for its size would be no judgement."""

_JSON = msgspec.json.Encoder()


def absent(subject: Subject, side: Side) -> str:
    """Return why a call can't be shown; empty when it can."""
    if side != "response" and not subject.prompt.strip():
        return "no prompt"
    if side in ("response", "pair") and not subject.answer.strip():
        return "no answer"
    return ""


def plain(subject: Subject, side: Side) -> str:
    """Return the texts of a side as they are, one below the other."""
    if side == "response":
        return subject.answer[:MAX_CHARACTERS]
    after = () if side == "prompt" else (subject.answer,)
    before = [message.text for message in subject.messages] if side == "conversation" else [subject.prompt]
    return "\n\n".join(text[:MAX_CHARACTERS] for text in (*before, *after) if text)


def quoted(subject: Subject, side: Side) -> str:
    """Return the texts of a side as JSON, so that no text can pass for what stands around it."""
    tree: dict[str, object] = {}
    if side in ("prompt", "pair"):
        tree["prompt"] = subject.prompt[:MAX_CHARACTERS]
    if side == "conversation":
        tree["conversation"] = [{"role": m.role, "content": m.text[:MAX_CHARACTERS]} for m in subject.messages]
    if side != "prompt" and subject.answer:
        tree["answer"] = subject.answer[:MAX_CHARACTERS]
    return _JSON.encode(tree).decode()
