"""OTLP over gRPC: the same judging, answers and spool as over HTTP, and gRPC's own ways of refusing."""

import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]  # protobuf ships no stubs
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from schemas.settings import Settings
from services.collector.otlp import over_grpc
from services.collector.otlp.over_grpc import traces_over_grpc
from services.collector.otlp.wire import fields_in
from tests.fixtures.keys import make_key
from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector import golden
from tests.services.collector.conftest import APP, Collecting, Start
from tests.services.collector.test_neighbours import PROPERTY, Numbers, framed, garbled, in_protobuf, part, request_ids
from tests.services.collector.test_traces import now_ns, taken

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@contextmanager
def exporter(collector: Collecting) -> Iterator[grpc.UnaryUnaryMultiCallable]:
    """What sends bytes to a collector and returns bytes."""
    with grpc.insecure_channel(collector.grpc) as channel:
        yield channel.unary_unary(EXPORT)


def export(collector: Collecting, body: bytes, **how: object) -> ExportTraceServiceResponse:
    with exporter(collector) as send:
        answer: bytes = send(body, timeout=PATIENCE_S, wait_for_ready=True, **how)
    return decoded(answer)


def decoded(answer: bytes) -> ExportTraceServiceResponse:
    response = ExportTraceServiceResponse()
    response.ParseFromString(answer)
    return response


def refusal_of(collector: Collecting, body: bytes, **how: object) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        export(collector, body, **how)
    return caught.value


def retry_after_s(error: grpc.RpcError) -> int | None:
    """What the RetryInfo in a refusal's details says."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    if details is None:
        return None
    (packed,) = fields_in(details, 3)
    (kind,), (value,) = fields_in(packed, 1), fields_in(packed, 2)
    assert kind == b"type.googleapis.com/google.rpc.RetryInfo"
    return int(Duration.FromString(next(fields_in(value, 1))).seconds)


def one_call() -> bytes:
    return golden.as_protobuf(golden.exported(now_ns(), golden.GENAI))


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=["plain", "gzip"])
def test_a_span_over_grpc_is_the_call_that_it_is_over_http(start: Start, compression: grpc.Compression) -> None:
    collector = start(over_grpc=True)
    assert export(collector, one_call(), compression=compression) == ExportTraceServiceResponse()
    asked, answered = taken(collector)
    assert (asked.request_id, answered.answer) == ("chatcmpl-7", "safe")
    assert (answered.usage.cached_tokens, answered.ttft_ms) == (40, 250)


def test_each_span_is_judged_alone_and_the_answer_says_which_was_not_taken(start: Start) -> None:
    collector = start(over_grpc=True)
    spoilt = in_protobuf("odd")[:-3]
    partial = export(collector, framed(1, part(in_protobuf("left"), spoilt, in_protobuf("right")))).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, "1 spans rejected; span 1: malformed protobuf")
    assert [getattr(record, "request_id", "") for record in collector.records()] == ["left"] * 2 + ["right"] * 2


def test_what_is_no_export_is_an_invalid_argument(start: Start) -> None:
    error = refusal_of(start(over_grpc=True), b"\xff\xff\xff")
    assert (error.code(), retry_after_s(error)) == (grpc.StatusCode.INVALID_ARGUMENT, None)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip], ids=["plain", "gzip"])
def test_a_message_past_the_bound_is_refused_also_when_it_came_small(
    start: Start, compression: grpc.Compression
) -> None:
    collector = start(over_grpc=True, body_bytes=100_000)
    body = framed(9, b"0" * 200_000)
    assert len(gzip.compress(body)) < 1000
    error = refusal_of(collector, body, compression=compression)
    assert (error.code(), retry_after_s(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, None)
    assert export(collector, one_call()) == ExportTraceServiceResponse()


def test_a_full_spool_is_unavailable_for_a_while_and_takes_nothing(start: Start) -> None:
    collector = start(over_grpc=True, spool_bytes=1000, patience_s=0.1)
    error = refusal_of(collector, one_call())
    assert (error.code(), retry_after_s(error)) == (grpc.StatusCode.UNAVAILABLE, 5)
    assert collector.records() == []


def test_senders_are_admitted_by_the_key_in_their_metadata_and_its_tenant_is_theirs(
    start: Start, tmp_path: Path
) -> None:
    secret = make_key(
        Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path)}),
        app=APP.name,
        scopes=("ingest",),
        tenant="acme",
        requests_per_minute="1",
    )
    collector = start(over_grpc=True, keys="required")
    stranger = refusal_of(collector, one_call())
    assert stranger.code() == grpc.StatusCode.UNAUTHENTICATED
    assert collector.records() == []
    told = (("authorization", f"Bearer {secret}"),)
    export(collector, one_call(), metadata=told)
    assert [record.tenant for record in collector.records()] == ["acme", "acme"]
    busy = refusal_of(collector, one_call(), metadata=told)
    assert busy.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert 0 < (retry_after_s(busy) or 0) <= 60


async def test_a_port_that_is_taken_is_done_without_in_one_line(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    port = start(over_grpc=True).grpc.partition(":")[2]
    settings = Settings.from_environment({"DRIFTLOOP_OTLP_GRPC_PORT": port})

    async def never(_: bytes, __: object) -> bytes:
        raise AssertionError

    with caplog.at_level(logging.WARNING):
        async with traces_over_grpc(never, settings, message_bytes=1000) as served:
            assert not served
    (line,) = (record.getMessage() for record in caplog.records if record.name == over_grpc.__name__)
    assert line == f"otlp_grpc: port {port} is taken; set DRIFTLOOP_OTLP_GRPC_PORT to a free one; going on without it"


def test_an_export_of_no_spans_is_taken(start: Start) -> None:
    nothing = ExportTraceServiceRequest().SerializeToString()
    assert export(start(over_grpc=True), nothing) == ExportTraceServiceResponse()


@pytest.mark.parametrize("whole", [False, True], ids=["span", "resource"])
def test_a_good_span_beside_any_other_over_grpc_is_stored(start: Start, whole: bool) -> None:
    collector, numbers = start(over_grpc=True), Numbers()
    with exporter(collector) as send:

        @PROPERTY
        @given(odd=garbled(part(in_protobuf("odd")) if whole else in_protobuf("odd")) | st.binary(max_size=60))
        def stored(odd: bytes) -> None:
            left, right = numbers.pair()
            before = len(collector.records())
            good = in_protobuf(left), in_protobuf(right)
            parts = [part(good[0]), odd, part(good[1])] if whole else [part(good[0], odd, good[1])]
            answer = send(b"".join(framed(1, data) for data in parts), timeout=PATIENCE_S, wait_for_ready=True)
            assert "not readable" not in decoded(answer).partial_success.error_message
            found = request_ids(collector)[before:]
            assert (found[:2], found[-2:]) == ([left] * 2, [right] * 2)
            if not whole:
                assert len(found) + 2 * decoded(answer).partial_success.rejected_spans <= 6

        stored()
