"""From request bodies to verdicts: each element judged alone. Clock, ids and what was seen before are arguments."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.codec import BATCH_CONTENT_TYPE
from schemas.configuration import App
from schemas.record import Record
from services.collector.conventions.calls import events_of, is_inference
from services.collector.conventions.evaluations import Evaluation, evaluations_on
from services.collector.conventions.places import Place
from services.collector.envelopes import SINGLE_CONTENT_TYPE, elements_in, parse_element
from services.collector.evaluating import judged_evaluations
from services.collector.exports import JudgedExport
from services.collector.inbound import Admission
from services.collector.kserve.calls import KServeCalls
from services.collector.kserve.halves import Half, half_in
from services.collector.otlp.spans import Exported, Span, Unreadable
from services.collector.sightings import Sighting, Sightings, seen_by_gateway
from services.collector.verdicts import UNTAKEN, Rejected, Rejection, Verdicts, reason_of
from services.parts.access.admitted import Admitted

_STRICT = (SINGLE_CONTENT_TYPE, BATCH_CONTENT_TYPE)


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
        except UNTAKEN as error:
            rejections.append(Rejection(index, reason_of(error)))
    return Verdicts(tuple(records), tuple(rejections))


def _of_kserve(half: Half, kserve: KServeCalls, admission: Admission, now: datetime) -> list[Record]:
    try:
        return [admission.from_elsewhere(event, now) for event in kserve.events_of(half)]
    except UNTAKEN:
        kserve.forget(half)
        raise


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

    def judged(self, spans: Exported, now: datetime) -> JudgedExport:
        """Return the verdicts on spans that are inferences, and on the evaluations that stand on any span.

        Request and response are taken together or not at all, an evaluation whatever becomes of its span.
        """
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
                else:
                    records += self._events_of(whole, sighting, now)
                    claims.append(sighting)
            except UNTAKEN as error:
                rejections.append(Rejection(index, reason_of(error)))
            taken, refused = judged_evaluations(_evaluations(span), self.admission, self.apps, index=index, now=now)
            records += taken
            rejections += refused
        return JudgedExport(Verdicts(tuple(records), tuple(rejections)), left_out, tuple(claims))

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
        except UNTAKEN:
            self.sightings.forget([sighting])
            raise


def _readable(span: Span | Unreadable) -> Span:
    if isinstance(span, Unreadable):
        raise Rejected(span.reason)
    return span


def _evaluations(span: Span | Unreadable) -> Iterable[Evaluation]:
    return () if isinstance(span, Unreadable) else evaluations_on(span)
