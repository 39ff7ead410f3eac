"""From request bodies to verdicts: each element judged alone. Clock, ids and what was seen before are arguments."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.codec import BATCH_CONTENT_TYPE
from schemas.configuration import App
from schemas.record import Record
from services.collector.conventions.calls import events_of, is_inference
from services.collector.conventions.places import Place
from services.collector.envelopes import SINGLE_CONTENT_TYPE, elements_in, parse_element
from services.collector.inbound import Admission
from services.collector.kserve.calls import KServeCalls
from services.collector.kserve.halves import Half, half_in
from services.collector.otlp.spans import Exported, Span, Unreadable
from services.collector.sightings import Sighting, Sightings, seen_by_gateway
from services.collector.verdicts import Rejected, Rejection, Verdicts
from services.parts.access.admitted import Admitted

_STRICT = (SINGLE_CONTENT_TYPE, BATCH_CONTENT_TYPE)
# What a value that nobody foresaw can raise while an element is read: never a reason to lose its neighbours.
_UNTAKEN = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)


def judged_events(
    body: bytes,
    content_type: str,
    admission: Admission,
    kserve: KServeCalls,
    *,
    now: datetime,
    new_id: Callable[[], str],
) -> Verdicts:
    """Return the verdicts on CloudEvents or lines of JSON. One of KServe's may be two records.

    Raises:
        Refusal: The body as a whole can't be cut into elements.
    """
    plain = not content_type.lower().startswith(_STRICT)
    records: list[Record] = []
    rejections: list[Rejection] = []
    for index, data in enumerate(elements_in(body, content_type)):
        try:
            if half := half_in(data, now):
                records += _of_kserve(half, kserve, admission, now)
            else:
                records.append(admission.admit(parse_element(data, plain=plain, new_id=new_id), now))
        except _UNTAKEN as error:
            rejections.append(Rejection(index, _reason(error)))
    return Verdicts(tuple(records), tuple(rejections))


def _of_kserve(half: Half, kserve: KServeCalls, admission: Admission, now: datetime) -> list[Record]:
    try:
        return [admission.from_elsewhere(event, now) for event in kserve.events_of(half)]
    except _UNTAKEN:
        kserve.forget(half)
        raise


@dataclass(frozen=True, slots=True)
class JudgedSpans:
    """The spans of one export.

    Attributes:
        left_out: How many are no calls (`passed_over`), or tell of a call that is on record already
            (`seen_by_gateway`, `seen_twice`).
        claims: Calls that are told of here for the first time; to be forgotten if the records aren't taken.
    """

    verdicts: Verdicts
    left_out: Mapping[str, int]
    claims: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class SpanJudge:
    """Who may come in, and what was seen before.

    Attributes:
        gateway: Where clients reach the gateway; None when nobody knows.
    """

    admission: Admission
    apps: Mapping[str, App]
    sightings: Sightings
    gateway: Place | None = None

    def under(self, admitted: Admitted) -> "SpanJudge":
        """Return the judge of one sender's spans; what was seen before is everybody's."""
        return replace(self, admission=self.admission.under(admitted))

    def judged(self, spans: Exported, now: datetime) -> JudgedSpans:
        """Return the verdicts on spans that are inferences. Request and response are taken together or not at all."""
        records: list[Record] = []
        rejections: list[Rejection] = []
        claims: list[Sighting] = []
        left_out: Counter[str] = Counter()
        for index, span in enumerate(spans):
            try:
                whole = _readable(span)
                sighting = Sighting.of(whole)
                if why := self._left_out(whole, sighting):
                    left_out[why] += 1
                    continue
                records += self._events_of(whole, sighting, now)
                claims.append(sighting)
            except _UNTAKEN as error:
                rejections.append(Rejection(index, _reason(error)))
        return JudgedSpans(Verdicts(tuple(records), tuple(rejections)), left_out, tuple(claims))

    def _left_out(self, span: Span, sighting: Sighting) -> str:
        """Return why a span is no call of its own; empty when it is one, which is claimed then."""
        if not is_inference(span):
            return "passed_over"
        first = self.sightings.claim(sighting)
        if seen_by_gateway(span, sighting, self.gateway):
            return "seen_by_gateway"
        return "" if first else "seen_twice"

    def _events_of(self, span: Span, sighting: Sighting, now: datetime) -> list[Record]:
        try:
            return [self.admission.from_elsewhere(event, now) for event in events_of(span, self.apps)]
        except _UNTAKEN:
            self.sightings.forget([sighting])
            raise


def _readable(span: Span | Unreadable) -> Span:
    if isinstance(span, Unreadable):
        raise Rejected(span.reason)
    return span


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Rejected) else f"not readable: {type(error).__name__}"
