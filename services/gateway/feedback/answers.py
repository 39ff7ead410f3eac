"""Answers that people write themselves: a correction, and the two sides of a comparison. Pure.

A text is a text. An object with `role: assistant` is a message in OpenAI's form, which is how tool calls are
written; any other object or array is the JSON that the answer should have been, and becomes its own text.
Whoever compares names an answer by `{"request_id": ...}`, or by the id alone where it is one of the gateway's.
"""

import msgspec

from schemas.configuration import App
from schemas.feedback import LONGEST_CORRECTION, Answered, Comparison, size_of
from schemas.inference import Message
from services.gateway.feedback.bodies import Feedback
from services.gateway.wire.addresses import ours
from services.gateway.wire.formats.reading import Doubts
from services.gateway.wire.messages import message_of
from services.parts.ingress.errors import Refusal
from services.parts.ingress.identity import is_of_gateway
from services.scorers.behaviour.shape.json_schema import JsonSchema, Unusable

_ID_LENGTH = 256
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


def correction_of(given: Feedback, app: App) -> Message | None:
    """Return what the answer should have been; None where nobody says.

    Raises:
        Refusal: 400 it is empty, too long, or not of the form that the app's answers have.
    """
    message = _message(given.correction, "correction")
    if message is not None:
        _check_form(message, app)
    return message


def comparison_of(given: Feedback) -> Comparison | None:
    """Return which of two answers is better; None where nobody says. A side that is left out is the judged answer.

    Raises:
        Refusal: 400 a side is no answer or too long, or both are the same.
    """
    if _value(given.preferred, "preferred") is None and _value(given.rejected, "rejected") is None:
        return None
    preferred = _answered(given.preferred, "preferred", ours(given.request_id))
    rejected = _answered(given.rejected, "rejected", ours(given.request_id))
    if preferred == rejected:
        raise Refusal(400, "a comparison needs two different answers", param="rejected")
    return Comparison(preferred=preferred, rejected=rejected)


def _answered(raw: msgspec.Raw, param: str, judged: str) -> Answered:
    value = _value(raw, param)
    named = value["request_id"] if isinstance(value, dict) and value.keys() == {"request_id"} else value
    if isinstance(named, str) and (named is not value or is_of_gateway(named)):
        if not 0 < len(named) <= _ID_LENGTH:
            raise Refusal(400, f"an id has 1 to {_ID_LENGTH} characters", param=param)
        return Answered() if ours(named) == judged else Answered(request_id=ours(named))
    return Answered(output=_message(raw, param))


def _message(raw: msgspec.Raw, param: str) -> Message | None:
    value = _value(raw, param)
    if value is None:
        return None
    if isinstance(value, str):
        message = Message(role="assistant", content=value)
    elif isinstance(value, dict) and value.get("role") == "assistant":
        message = message_of(value, Doubts())
    elif isinstance(value, dict | list):
        message = Message(role="assistant", content=bytes(raw).decode())
    else:
        raise Refusal(400, "expected a text, an object or an array", param=param, code="invalid_value")
    if not message.text and not message.tool_calls:
        raise Refusal(400, "there is nothing in it", param=param)
    if size_of(message) > LONGEST_CORRECTION:
        raise Refusal(400, f"more than {LONGEST_CORRECTION} bytes", param=param, code="too_long")
    return message


def _value(raw: msgspec.Raw, param: str) -> object:
    try:
        return msgspec.json.decode(raw) if bytes(raw) else None
    except _UNREADABLE as error:
        raise Refusal(400, "not readable as JSON", param=param, code="invalid_json") from error


def _check_form(correction: Message, app: App) -> None:
    if (app.does != "extract" and not app.answers.schema) or (correction.tool_calls and not correction.text):
        return
    try:
        value = msgspec.json.decode(correction.text)
    except _UNREADABLE as error:
        raise Refusal(400, f"the answers of {app.name} are JSON, this is none", param="correction") from error
    if app.answers.schema and not _holds(app.answers.schema, value):
        raise Refusal(400, f"not of the form that answers.schema of {app.name} asks for", param="correction")


def _holds(schema: dict[str, object], value: object) -> bool:
    """Return whether a value keeps to a schema; one that can't judge takes everything."""
    try:
        return JsonSchema(msgspec.json.encode(schema).decode()).holds(value)
    except Unusable:
        return True
