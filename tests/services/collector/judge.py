"""The collector's judgement without its server: bodies in, verdicts out."""

from datetime import UTC, datetime

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from services.collector.inbound import Admission
from services.collector.judging import SpanJudge, judged_events
from services.collector.kserve.calls import KServeCalls
from services.collector.otlp.in_json import spans_in_json
from services.collector.otlp.in_protobuf import spans_in_protobuf
from services.collector.otlp.spans import Exported
from services.collector.sightings import Sightings
from services.collector.verdicts import Verdicts
from services.parts.ingress.identity import new_event_id
from tests.services.collector.conftest import APP

ADMISSION = Admission({APP.name: APP}, b"k" * 32)


def json_spans(body: bytes) -> Verdicts:
    """Verdicts on an OTLP export in JSON."""
    return _judged(spans_in_json(body))


def protobuf_spans(body: bytes) -> Verdicts:
    """Verdicts on an OTLP export in protobuf."""
    return _judged(spans_in_protobuf(body))


def _judged(spans: Exported) -> Verdicts:
    return SpanJudge(ADMISSION, {APP.name: APP}, Sightings()).judged(spans, datetime.now(UTC)).verdicts


def events(body: bytes, content_type: str) -> Verdicts:
    """Verdicts on CloudEvents or lines of JSON."""
    return judged_events(
        body, content_type, ADMISSION, KServeCalls({APP.name: APP}), now=datetime.now(UTC), new_id=new_event_id
    )


def calls(verdicts: Verdicts) -> list[str]:
    """The requests that were taken, in order."""
    return [record.request_id for record in verdicts.records if isinstance(record, InferenceRequested | FeedbackGiven)]


def call(verdicts: Verdicts, request_id: str) -> tuple[InferenceRequested, InferenceResponded]:
    """Request and response of one call that was taken."""
    asked, answered = [record for record in verdicts.records if getattr(record, "request_id", "") == request_id]
    assert isinstance(asked, InferenceRequested)
    assert isinstance(answered, InferenceResponded)
    return asked, answered


def reasons(verdicts: Verdicts) -> dict[int, str]:
    """Why elements were not taken, by index."""
    return {rejection.index: rejection.reason for rejection in verdicts.rejections}
