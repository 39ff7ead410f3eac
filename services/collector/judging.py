"""From request bodies to verdicts: each element judged alone. Pure; clock and ids are arguments."""

from collections.abc import Callable, Mapping
from datetime import datetime

from schemas.codec import BATCH_CONTENT_TYPE
from schemas.configuration import App
from schemas.record import Record
from services.collector.conventions.calls import events_of, is_inference
from services.collector.envelopes import SINGLE_CONTENT_TYPE, elements_in, parse_element
from services.collector.inbound import Admission
from services.collector.otlp.spans import Exported, Span, Unreadable
from services.collector.verdicts import Rejected, Rejection, Verdicts

_STRICT = (SINGLE_CONTENT_TYPE, BATCH_CONTENT_TYPE)
# What a value that nobody foresaw can raise while an element is read: never a reason to lose its neighbours.
_UNTAKEN = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)


def judged_events(
    body: bytes, content_type: str, admission: Admission, *, now: datetime, new_id: Callable[[], str]
) -> Verdicts:
    """Return the verdicts on CloudEvents or lines of JSON.

    Raises:
        Refusal: The body as a whole can't be cut into elements.
    """
    plain = not content_type.lower().startswith(_STRICT)
    records: list[Record] = []
    rejections: list[Rejection] = []
    for index, data in enumerate(elements_in(body, content_type)):
        try:
            records.append(admission.admit(parse_element(data, plain=plain, new_id=new_id), now))
        except _UNTAKEN as error:
            rejections.append(Rejection(index, _reason(error)))
    return Verdicts(tuple(records), tuple(rejections))


def judged_spans(
    spans: Exported, admission: Admission, apps: Mapping[str, App], *, now: datetime
) -> tuple[Verdicts, int]:
    """Return the verdicts on spans that are inferences, and how many were none and were passed over.

    A span's request and response are taken together or not at all.
    """
    records: list[Record] = []
    rejections: list[Rejection] = []
    passed_over = 0
    for index, span in enumerate(spans):
        try:
            if taken := _taken(span, admission, apps, now):
                records += taken
            else:
                passed_over += 1
        except _UNTAKEN as error:
            rejections.append(Rejection(index, _reason(error)))
    return Verdicts(tuple(records), tuple(rejections)), passed_over


def _taken(span: Span | Unreadable, admission: Admission, apps: Mapping[str, App], now: datetime) -> list[Record]:
    if isinstance(span, Unreadable):
        raise Rejected(span.reason)
    if not is_inference(span):
        return []
    return [admission.from_span(event, now) for event in events_of(span, apps)]


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Rejected) else f"not readable: {type(error).__name__}"
