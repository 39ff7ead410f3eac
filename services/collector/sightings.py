"""One call that is seen twice is one call: what this process knows of the calls that spans told of.

Seen by the gateway: the client's span has the id that the gateway gave the answer, which is recognised by its
form alone. So it makes no difference which of the two came first, and nothing has to be remembered. A call
that failed has no such id; it counts as the gateway's when the span says that it went to the gateway's
address and that something was answered.

Seen by two instrumentations of one client: both spans are in one trace, and one is the other's parent, or both
tell of the same answer and one lies within the other's time. The first to come counts.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from services.collector.conventions.calls import error_type_of
from services.collector.conventions.places import Place, answer_id, sent_to
from services.collector.otlp.spans import Span
from services.parts.ingress.identity import is_of_gateway

_TRACES = 20_000
_CALLS_OF_A_TRACE = 256


@dataclass(frozen=True, slots=True)
class Sighting:
    """What tells whether two spans tell of one call; `answer_id` and `parent_id` are empty where nobody says."""

    trace_id: str
    span_id: str
    parent_id: str
    answer_id: str
    start_ns: int
    end_ns: int

    @classmethod
    def of(cls, span: Span) -> "Sighting":
        """Return the sighting that a span is."""
        return cls(span.trace_id, span.span_id, span.parent_id, answer_id(span), span.start_ns, span.end_ns)

    def same_call(self, other: "Sighting") -> bool:
        """Whether another span of the same trace tells of the same call. The same span again is no other."""
        if self.span_id == other.span_id:
            return False
        if self.answer_id and other.answer_id:
            return self.answer_id == other.answer_id and (self._within(other) or other._within(self))
        return other.span_id == (self.parent_id or None) or self.span_id == (other.parent_id or None)

    def _within(self, other: "Sighting") -> bool:
        return other.start_ns <= self.start_ns and self.end_ns <= other.end_ns


def seen_by_gateway(span: Span, sighting: Sighting, gateway: Place | None) -> bool:
    """Whether the gateway has a record of the call that a span tells of. One that reached nobody is on no record.

    Args:
        gateway: Where clients reach it.
    """
    if sighting.answer_id:
        return is_of_gateway(sighting.answer_id)
    error_type = error_type_of(span)
    return bool(error_type) and "connect" not in error_type.lower() and gateway is not None and sent_to(span) == gateway


class Sightings:
    """The calls that spans told of lately: of the last 20,000 traces, 256 of each. Used from any thread."""

    def __init__(self, traces: int = _TRACES) -> None:
        self._most = traces
        self._traces: OrderedDict[str, deque[Sighting]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def traces(self) -> int:
        """How many traces are remembered."""
        return len(self._traces)

    def claim(self, sighting: Sighting) -> bool:
        """Note a sighting and return True, or return False when another span has told of the call."""
        with self._lock:
            known = self._traces.setdefault(sighting.trace_id, deque(maxlen=_CALLS_OF_A_TRACE))
            self._traces.move_to_end(sighting.trace_id)
            if any(sighting.same_call(other) for other in known):
                return False
            known.append(sighting)
            if len(self._traces) > self._most:
                self._traces.popitem(last=False)
            return True

    def answer_of(self, trace_id: str, span_id: str) -> str:
        """Return the id of the answer that a span told of; empty where nobody knows."""
        with self._lock:
            known = self._traces.get(trace_id, ())
            return next((sighting.answer_id for sighting in known if sighting.span_id == span_id), "")

    def forget(self, sightings: Iterable[Sighting]) -> None:
        """Take claims back: what they told was not taken."""
        with self._lock:
            for sighting in sightings:
                known = self._traces.get(sighting.trace_id)
                if known is not None and sighting in known:
                    known.remove(sighting)
