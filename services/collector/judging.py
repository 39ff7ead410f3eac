"""From request bodies to verdicts: each element judged alone. Pure; clock and ids are arguments."""

from collections.abc import Callable, Mapping
from datetime import datetime

from schemas.codec import BATCH_CONTENT_TYPE
from schemas.configuration import App
from schemas.record import Record
from services.collector.conventions import events_of, is_inference
from services.collector.envelopes import SINGLE_CONTENT_TYPE, elements_in, parse_element
from services.collector.inbound import Admission
from services.collector.spans import Span
from services.collector.verdicts import Rejected, Rejection, Verdicts

_STRICT = (SINGLE_CONTENT_TYPE, BATCH_CONTENT_TYPE)


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
        except Rejected as error:
            rejections.append(Rejection(index, str(error)))
    return Verdicts(tuple(records), tuple(rejections))


def judged_spans(
    spans: list[Span], admission: Admission, apps: Mapping[str, App], *, now: datetime
) -> tuple[Verdicts, int]:
    """Return the verdicts on spans that are inferences, and how many were none and were passed over.

    A span's request and response are taken together or not at all.
    """
    records: list[Record] = []
    rejections: list[Rejection] = []
    inferences = [(index, span) for index, span in enumerate(spans) if is_inference(span)]
    for index, span in inferences:
        try:
            records.extend([admission.from_span(event, now) for event in events_of(span, apps)])
        except Rejected as error:
            rejections.append(Rejection(index, str(error)))
    return Verdicts(tuple(records), tuple(rejections)), len(spans) - len(inferences)
