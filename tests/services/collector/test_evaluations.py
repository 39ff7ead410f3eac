"""`gen_ai.evaluation.result` on spans and in logs becomes feedback; whatever else is logged is passed over."""

import json
from datetime import UTC, datetime
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from schemas.feedback import FeedbackGiven
from schemas.settings import Settings
from services.collector.conventions.evaluations import EVENT, SOURCE
from services.collector.evaluating import LogJudge
from services.collector.otlp.in_json import logs_in_json
from services.collector.verdicts import Verdicts
from services.parts.ingress.pseudonyms import pseudonym
from tests.fixtures.keys import bearer, make_key
from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector import golden
from tests.services.collector.conftest import APP, Collecting, Start
from tests.services.collector.judge import ADMISSION, json_spans, reasons
from tests.services.collector.test_neighbours import framed
from tests.services.collector.test_traces import now_ns

ANSWER = "chatcmpl-7"
RELEVANT = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": 0.75,
    "gen_ai.evaluation.explanation": "on the topic",
    "gen_ai.response.id": ANSWER,
}
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", float: "doubleValue", int: "intValue"}
    return [{"key": name, "value": {kinds[type(value)]: value}} for name, value in attributes.items()]


def log(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"eventName": EVENT, "timeUnixNano": str(now_ns()), "attributes": pairs(attributes), **fields}


def logs(*records: dict[str, Any], service: str = APP.name) -> dict[str, Any]:
    resource = {"attributes": pairs({"service.name": service})}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": list(records)}]}]}


def judged(*records: dict[str, Any], answers: dict[tuple[str, str], str] | None = None, **more: str) -> Verdicts:
    judge = LogJudge(ADMISSION, {APP.name: APP}, lambda *place: (answers or {}).get(place, ""))
    return judge.judged(logs_in_json(json.dumps(logs(*records, **more)).encode()), datetime.now(UTC)).verdicts


def only(verdicts: Verdicts) -> FeedbackGiven:
    (given,) = (record for record in verdicts.records if isinstance(record, FeedbackGiven))
    assert verdicts.rejections == ()
    return given


def in_protobuf(*attributes: dict[str, Any]) -> bytes:
    export = ExportLogsServiceRequest()
    part = export.resource_logs.add()
    part.resource.attributes.add(key="service.name").value.string_value = APP.name
    scope = part.scope_logs.add()
    for each in attributes:
        record = scope.log_records.add(event_name=EVENT, time_unix_nano=now_ns())
        for name, value in each.items():
            pair: KeyValue = record.attributes.add(key=name)
            setattr(pair.value, {str: "string_value", float: "double_value", int: "int_value"}[type(value)], value)
    return bytes(export.SerializeToString())


def post(collector: Collecting, body: bytes, kind: str = "application/json", **headers: str) -> httpx.Response:
    told = {"content-type": kind, **headers}
    return httpx.post(f"{collector.url}/v1/logs", content=body, headers=told, timeout=PATIENCE_S)


def test_an_evaluation_is_a_programs_score_of_the_answer_it_names() -> None:
    given = only(judged(log(RELEVANT)))
    assert (given.app, given.model, given.request_id) == (APP.name, "base", ANSWER)
    assert (given.score, given.rating, given.label, given.comment) == (0.75, None, None, "on the topic")
    assert (given.source, given.user_id) == (SOURCE, pseudonym("Relevance", ADMISSION.key))


@pytest.mark.parametrize(
    ("told", "kind", "value"),
    [
        ({"gen_ai.evaluation.score.value": 1}, "score", 1),
        ({"gen_ai.evaluation.score.value": 0.0}, "score", 0),
        ({"gen_ai.evaluation.score.value": "0.5"}, "score", 0.5),
        ({"gen_ai.evaluation.name": "LLM rating", "gen_ai.evaluation.score.value": 4.0}, "rating", 4),
        ({"gen_ai.evaluation.name": "rating", "gen_ai.evaluation.score.value": 1}, "rating", 1),
        ({"gen_ai.evaluation.name": "rating", "gen_ai.evaluation.score.value": 0.5}, "score", 0.5),
        ({"gen_ai.evaluation.score.label": "Unsafe"}, "label", "unsafe"),
        ({"gen_ai.evaluation.score.label": "pass"}, "score", 1),
        ({"gen_ai.evaluation.score.label": "Not relevant"}, "score", 0),
        ({"gen_ai.evaluation.score.value": 0.25, "gen_ai.evaluation.score.label": "pass"}, "score", 0.25),
    ],
)
def test_what_it_says_is_a_score_a_rating_or_a_label(told: dict[str, Any], kind: str, value: object) -> None:
    given = only(judged(log({"gen_ai.response.id": ANSWER, **told})))
    assert given.kinds == (kind,)
    assert getattr(given, kind) == value


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"gen_ai.evaluation.score.value": 4.0}, "a score is 0 to 1"),
        ({"gen_ai.evaluation.score.value": -0.5}, "a score is 0 to 1"),
        ({"gen_ai.evaluation.name": "rating", "gen_ai.evaluation.score.value": 4.5}, "whole number, 1 to 5"),
        ({"gen_ai.evaluation.score.value": "high"}, "no number"),
        ({"gen_ai.evaluation.score.label": "lukewarm"}, "known word"),
        ({}, "known word"),
        ({"gen_ai.evaluation.score.value": 1.0, "error.type": "timeout"}, "failed"),
        ({"gen_ai.evaluation.score.value": 1.0, "gen_ai.response.id": ""}, "names no answer"),
        ({"gen_ai.evaluation.score.value": 1.0, "gen_ai.response.id": "x" * 300}, "names no answer"),
    ],
)
def test_what_is_no_judgement_is_rejected_alone(told: dict[str, Any], reason: str) -> None:
    verdicts = judged(log(RELEVANT), log({"gen_ai.response.id": ANSWER, **told}), log(RELEVANT))
    assert len(verdicts.records) == 2
    assert reason in reasons(verdicts)[1]


def test_a_record_without_a_response_id_judges_the_call_of_its_span() -> None:
    told = {name: value for name, value in RELEVANT.items() if name != "gen_ai.response.id"}
    ids = {"traceId": golden.TRACE, "spanId": golden.SPAN}
    assert only(judged(log(told, **ids))).request_id == f"{golden.TRACE}-{golden.SPAN}"
    known = {(golden.TRACE, golden.SPAN): ANSWER}
    assert only(judged(log(told, **ids), answers=known)).request_id == ANSWER
    assert judged(log(told, traceId="0" * 32, spanId=golden.SPAN)).records == ()


def test_older_writers_tell_event_and_attributes_in_other_places() -> None:
    body = {"kvlistValue": {"values": pairs(RELEVANT)}}
    older = {"attributes": pairs({"event.name": EVENT}), "body": body, "observedTimeUnixNano": str(now_ns())}
    given = only(judged(older))
    assert (given.request_id, given.score) == (ANSWER, 0.75)
    assert given.occurred_at.microsecond == 0


def test_the_same_record_again_is_the_same_event_and_two_evaluators_are_two_people() -> None:
    first, again, other = judged(
        log(RELEVANT), log(RELEVANT), log({**RELEVANT, "gen_ai.evaluation.name": "Tone"})
    ).records
    assert first == again
    assert isinstance(first, FeedbackGiven)
    assert isinstance(other, FeedbackGiven)
    assert other.event_id != first.event_id
    assert other.user_id != first.user_id


def test_the_app_is_named_by_the_record_or_its_resource() -> None:
    assert judged(log(RELEVANT), service="evaluator").records == ()
    assert only(judged(log({**RELEVANT, "driftloop.app": APP.name}), service="evaluator")).app == APP.name


def with_events(span: dict[str, object], *events: dict[str, Any]) -> bytes:
    export = golden.exported(now_ns(), span)
    told = [{"name": EVENT, "timeUnixNano": str(now_ns()), "attributes": pairs(each)} for each in events]
    golden.spans_of(export)[0]["events"] = told
    return json.dumps(export).encode()


def test_an_evaluation_on_a_calls_span_judges_that_call() -> None:
    told = {name: value for name, value in RELEVANT.items() if name != "gen_ai.response.id"}
    verdicts = json_spans(with_events(golden.GENAI, told))
    given = verdicts.records[2]
    assert isinstance(given, FeedbackGiven)
    assert (given.request_id, given.score) == (ANSWER, 0.75)
    (call_id,) = {getattr(record, "request_id", "") for record in verdicts.records}
    assert call_id == ANSWER


def test_an_evaluation_is_taken_from_a_span_that_is_no_call_and_from_one_that_the_gateway_saw() -> None:
    seen = {**golden.GENAI, "gen_ai.response.id": "chatcmpl-0190c0de-0000-7000-8000-000000000001"}
    told = {"gen_ai.evaluation.score.value": 1.0}
    assert only(json_spans(with_events(seen, told))).request_id == seen["gen_ai.response.id"]
    assert only(json_spans(with_events({"a": "b"}, RELEVANT))).request_id == ANSWER
    assert "names no answer" in reasons(json_spans(with_events({"a": "b"}, told)))[0]


def test_a_spans_bad_evaluations_cost_neither_its_call_nor_each_other() -> None:
    verdicts = json_spans(
        with_events(golden.GENAI, {"error.type": "x"}, RELEVANT, {"gen_ai.evaluation.score.value": 9})
    )
    assert [type(record).__name__ for record in verdicts.records][2:] == ["FeedbackGiven"]
    assert (len(verdicts.rejections), verdicts.rejected) == (2, 1)


def test_json_protobuf_and_grpc_say_the_same(start: Start) -> None:
    collector = start(over_grpc=True)
    assert post(collector, json.dumps(logs(log(RELEVANT))).encode()).json() == {}
    answer = post(collector, in_protobuf(RELEVANT), "application/x-protobuf")
    assert ExportLogsServiceResponse.FromString(answer.content) == ExportLogsServiceResponse()
    with grpc.insecure_channel(collector.grpc) as channel:
        told: bytes = channel.unary_unary(LOGS)(in_protobuf(RELEVANT), timeout=PATIENCE_S, wait_for_ready=True)
    assert ExportLogsServiceResponse.FromString(told) == ExportLogsServiceResponse()
    kept = [record for record in collector.records() if isinstance(record, FeedbackGiven)]
    assert [(one.request_id, one.score, one.user_id) for one in kept] == [(ANSWER, 0.75, kept[0].user_id)] * 3


def test_other_logs_are_passed_over_and_counted_and_bad_ones_are_a_partial_success(start: Start) -> None:
    collector = start()
    other = {"timeUnixNano": "1", "body": {"stringValue": "started"}}
    assert post(collector, json.dumps(logs(other, other)).encode()).json() == {}
    answer = post(collector, json.dumps(logs(other, log({"error.type": "x"}), log(RELEVANT))).encode())
    said = {"rejectedLogRecords": "1", "errorMessage": "1 log records rejected; log record 1: the evaluation failed"}
    assert (answer.status_code, answer.json()) == (200, {"partialSuccess": said})
    packed = post(collector, in_protobuf({"error.type": "x"}, RELEVANT), "application/x-protobuf")
    assert ExportLogsServiceResponse.FromString(packed.content).partial_success.rejected_log_records == 1
    assert len(collector.records()) == 2
    counted = httpx.get(f"{collector.url}/metrics", timeout=PATIENCE_S).text
    assert 'driftloop_collector_events_total{source="logs",verdict="passed_over"} 3.0' in counted


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xff", "application/x-protobuf", 400),
        (b"{}", "text/plain", 415),
    ],
)
def test_what_is_no_export_is_refused(start: Start, body: bytes, kind: str, status: int) -> None:
    assert post(start(), body, kind).status_code == status


def test_what_is_no_utf8_costs_one_record_of_a_protobuf_export(start: Start) -> None:
    collector = start()
    whole = ExportLogsServiceRequest.FromString(in_protobuf(RELEVANT, RELEVANT)).resource_logs[0].scope_logs[0]
    first, second = (record.SerializeToString() for record in whole.log_records)
    resource = ExportLogsServiceRequest.FromString(in_protobuf()).resource_logs[0].resource.SerializeToString()
    odd = second.replace(b"on the topic", b"on \xff\xfee topic")
    scope = framed(2, first) + framed(2, odd) + framed(2, second[:-3])
    body = framed(1, framed(1, resource) + framed(2, scope))
    answer = ExportLogsServiceResponse.FromString(post(collector, body, "application/x-protobuf").content)
    assert answer.partial_success.rejected_log_records == 1
    comments = [record.comment for record in collector.records() if isinstance(record, FeedbackGiven)]
    assert comments == ["on the topic", "on \ufffd\ufffde topic"]


def test_a_key_for_feedback_alone_may_send_logs_and_its_tenant_wins(start: Start, tmp_path: Any) -> None:
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path)})
    secret = make_key(settings, app=APP.name, scopes=("feedback",), tenant="acme")
    collector = start(keys="required")
    body = json.dumps(logs(log({**RELEVANT, "driftloop.tenant": "other"}))).encode()
    assert post(collector, body).status_code == 401
    assert post(collector, body, **bearer(secret)).json() == {}
    assert [record.tenant for record in collector.records()] == ["acme"]


def test_an_explanation_is_masked_and_bounded(start: Start) -> None:
    collector = start()
    long = "ask jane.doe@example.com " + "why " * 3000
    post(collector, json.dumps(logs(log({**RELEVANT, "gen_ai.evaluation.explanation": long}))).encode())
    (given,) = collector.records()
    assert isinstance(given, FeedbackGiven)
    assert given.comment.startswith("ask [EMAIL] why")
    assert len(given.comment) <= 8192
