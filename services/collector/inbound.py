"""From one element's type and data to a record of an inbound topic. Pure.

What an element lacks is filled in: its id from the CloudEvents source and id (so a repeated delivery
is the same event), its time from the envelope or the clock. The judgement is schemas.codec's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from schemas.codec import MAX_EVENT_BYTES, BadRecord, decode, encode, to_rfc3339
from schemas.configuration import App
from schemas.feedback import LONGEST_CORRECTION, FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.prices import cost_usd, price_of
from schemas.record import Record
from schemas.topics import FEEDBACK_GIVEN, INBOUND
from services.collector.verdicts import Rejected
from services.parts.access.admitted import EVERYBODY, Admitted
from services.parts.ingress.pseudonyms import pseudonym

TYPES = tuple(topic.name for topic in INBOUND)
_DEFAULTS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Element:
    """One event as it came.

    Attributes:
        event_id: For data that has none of its own.
        time: From the envelope; None when it has none.
    """

    type: str
    data: dict[str, object]
    event_id: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may come in, and the key that turns users into pseudonyms.

    Attributes:
        admitted: Who sends: its events are of its app and its tenant, whatever they say of the tenant.
    """

    apps: Mapping[str, App]
    key: bytes
    admitted: Admitted = EVERYBODY

    def under(self, admitted: Admitted) -> "Admission":
        """Return the admission of one sender."""
        return replace(self, admitted=admitted)

    def admit(self, element: Element, now: datetime) -> Record:
        """Return the record of an element.

        Raises:
            Rejected: Unknown type or app, one that the sender's key is not for, wrong types, oversized, or a time
                out of range.
        """
        if element.type not in TYPES:
            raise Rejected(f"type is none of {', '.join(TYPES)}")
        if "ingest" not in self.admitted.scopes and element.type != FEEDBACK_GIVEN.name:
            raise Rejected("the API key lacks the scope ingest: it is for feedback alone")
        data = {
            "event_id": element.event_id,
            "occurred_at": to_rfc3339(element.time or now),
            **element.data,
        }
        if self.admitted.tenant:
            data["tenant"] = self.admitted.tenant
        if isinstance(user := data.get("user_id"), str):
            data["user_id"] = pseudonym(user, self.key)
        body = msgspec.json.encode(data)
        try:
            record = decode(element.type, body, now)
        except BadRecord as error:
            raise Rejected(error.reason) from error
        return self.known(_small(record, body))

    def known(self, record: Record) -> Record:
        """Return a record of a configured app, priced where its sender tells no cost.

        Raises:
            Rejected: No such app, or one that the sender's key is not for.
        """
        if record.app not in self.apps:
            raise Rejected(f"no app is called {record.app!r}")
        if not self.admitted.takes(record.app):
            raise Rejected(f"the API key is for the app {self.admitted.app!r} alone")
        return _priced(record, self.apps[record.app])

    def from_elsewhere(self, record: InferenceRequested | InferenceResponded | FeedbackGiven, now: datetime) -> Record:
        """Return a record made of what another convention tells, under the same judgement.

        Raises:
            Rejected: As `admit`.
        """
        element = Element(_TYPE_OF[type(record)], msgspec.to_builtins(record), record.event_id)
        return self.admit(element, now)


def _priced(record: Record, app: App) -> Record:
    if not isinstance(record, InferenceResponded) or record.cost_usd is not None:
        return record
    price = price_of(app, record.adapter_version, record.model, app.base_model)
    cost = cost_usd(price, record.usage, record.messages, failed=bool(record.error_type) and record.output is None)
    return record if cost is None else msgspec.structs.replace(record, cost_usd=cost)


def _small(record: Record, body: bytes) -> Record:
    """Return a record that is no larger once its defaults are written out, and of whose texts none is too long."""
    if isinstance(record, FeedbackGiven) and (which := record.oversized):
        raise Rejected(f"oversized: a {which} of more than {LONGEST_CORRECTION} bytes")
    if len(body) > MAX_EVENT_BYTES - _DEFAULTS_BYTES and len(encode(record)) > MAX_EVENT_BYTES:
        raise Rejected(f"oversized: more than {MAX_EVENT_BYTES} bytes")
    return record


_TYPE_OF: dict[type[Record], str] = {
    InferenceRequested: TYPES[0],
    InferenceResponded: TYPES[1],
    FeedbackGiven: TYPES[2],
}
