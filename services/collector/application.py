"""The collector put together: bodies in, verdicts out, valid records on the spool before the answer.

Policy when the spool is full: block, unless the settings say otherwise. The sender waits a few seconds,
then gets 503 with Retry-After and nothing of its request was taken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.codec import MAX_EVENT_BYTES
from schemas.configuration import App, Configuration
from schemas.record import Record
from schemas.settings import DEFAULT_SPOOL_BYTES, Settings
from services.clients.bus.producer import Producer
from services.collector.binary import structured
from services.collector.conventions.places import place_in
from services.collector.evaluating import LogJudge
from services.collector.exports import JudgedExport
from services.collector.inbound import Admission
from services.collector.judging import SpanJudge, judged_events
from services.collector.kserve.calls import KServeCalls
from services.collector.otlp.in_json import logs_in_json, spans_in_json
from services.collector.otlp.in_protobuf import logs_in_protobuf, spans_in_protobuf
from services.collector.otlp.over_grpc import traces_over_grpc
from services.collector.sightings import Sightings
from services.collector.verdicts import Verdicts
from services.parts.access.admitted import Admitted, admitted_of
from services.parts.access.guard import Needs, admitted_otherwise, guarded
from services.parts.ingress.answers import OwnAnswer
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, json_answer
from services.parts.ingress.identity import new_event_id
from services.parts.ingress.pseudonyms import pseudonym_key
from services.parts.ingress.serving import ERROR_HANDLERS, health_routes, process_registry
from services.parts.runtime.metrics import counter
from services.parts.spool.delivery import Delivery
from services.parts.spool.entries import Entry, entry_of
from services.parts.spool.forwarder import Forwarder
from services.parts.spool.measures import SpoolMeasures
from services.parts.spool.spool import Spool, SpoolFull
from services.privacy.policies import Policies

NEEDS = Needs(("ingest",), {"/v1/events": ("feedback", "ingest"), "/v1/logs": ("feedback", "ingest")})
_PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one collector.

    Attributes:
        patience_s: How long a sender waits for room in a full spool.
    """

    body_bytes: int = 16 * 1024 * 1024
    spool_bytes: int = DEFAULT_SPOOL_BYTES
    patience_s: float = 5.0


class Collector:
    """The handlers, and the parts while they run.

    Args:
        producer: How the broker is reached; may raise BusError and is then tried again.
    """

    def __init__(
        self, settings: Settings, configuration: Configuration, *, producer: Callable[[], Producer], limits: Limits
    ) -> None:
        self._limits = limits
        apps: Mapping[str, App] = {app.name: app for app in configuration.apps}
        self._admission = Admission(apps, pseudonym_key(settings.data))
        self._kserve = KServeCalls(apps)
        self._spans = SpanJudge(self._admission, apps, Sightings(), place_in(settings.url("gateway")))
        self._logs = LogJudge(self._admission, apps, self._spans.sightings.answer_of)
        self.registry: CollectorRegistry = process_registry()
        self._events = counter("driftloop_collector_events_total", self.registry)
        self._policies = Policies(configuration.apps, settings.data)
        folder = settings.data / "collector" / "spool"
        self._spool = Spool(folder, max_bytes=limits.spool_bytes, policy=settings.collector_when_full)
        self.registry.register(SpoolMeasures(self._spool))
        self._forwarder = Forwarder(self._spool, Delivery(producer))

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Start and stop the forwarder."""
        self._forwarder.start()
        try:
            yield
        finally:
            await run_in_threadpool(self._forwarder.stop, 1.5)
            self._spool.close()

    def ready(self) -> dict[str, bool]:
        """Return the conditions of readiness; a full spool is none, for the next event would wait."""
        return {"forwarder": self._forwarder.alive, "spool": not self._spool.full}

    async def events(self, request: Request) -> Response:
        """POST /v1/events: 202 all taken, 207 some, 400 none; each rejection with index and reason."""
        body = await body_of(request, self._limits.body_bytes)
        body, content_type = structured(request.headers, body)
        verdicts = await run_in_threadpool(
            judged_events,
            body,
            content_type,
            self._admission.under(admitted_of(request)),
            self._kserve,
            now=datetime.now(UTC),
            new_id=new_event_id,
        )
        await self._take("events", verdicts)
        return json_answer(
            {
                "accepted": len(verdicts.records),
                "event_ids": [record.event_id for record in verdicts.records],
                "rejected": [{"index": r.index, "reason": r.reason} for r in verdicts.rejections],
            },
            verdicts.status,
        )

    async def traces(self, request: Request) -> Response:
        """POST /v1/traces: OTLP/HTTP. Spans that are no inferences are passed over without a word."""
        body, in_json = await self._exported_in(request)
        if not in_json:
            return OwnAnswer(await self.exported(body, admitted_of(request)), media_type=_PROTOBUF)
        verdicts = await self._export_spans(body, admitted_of(request), in_json=True)
        return _json_answer(verdicts, "rejectedSpans", "span")

    async def logs(self, request: Request) -> Response:
        """POST /v1/logs: OTLP/HTTP. Records that are no evaluations are passed over without a word."""
        body, in_json = await self._exported_in(request)
        if not in_json:
            return OwnAnswer(await self.exported_logs(body, admitted_of(request)), media_type=_PROTOBUF)
        verdicts = await self._export_logs(body, admitted_of(request), in_json=True)
        return _json_answer(verdicts, "rejectedLogRecords", "log record")

    async def exported(self, body: bytes, admitted: Admitted) -> bytes:
        """Take somebody's export of traces in protobuf and return the response to it, whatever brought it."""
        verdicts = await self._export_spans(body, admitted, in_json=False)
        answer = ExportTraceServiceResponse()
        if verdicts.rejections:
            answer.partial_success.rejected_spans = verdicts.rejected
            answer.partial_success.error_message = _said(verdicts, "span")
        return bytes(answer.SerializeToString())

    async def exported_logs(self, body: bytes, admitted: Admitted) -> bytes:
        """Take somebody's export of logs in protobuf and return the response to it, whatever brought it."""
        verdicts = await self._export_logs(body, admitted, in_json=False)
        answer = ExportLogsServiceResponse()
        if verdicts.rejections:
            answer.partial_success.rejected_log_records = verdicts.rejected
            answer.partial_success.error_message = _said(verdicts, "log record")
        return bytes(answer.SerializeToString())

    async def _exported_in(self, request: Request) -> tuple[bytes, bool]:
        """Return the body of an export, and whether it is in JSON and not in protobuf."""
        body = await body_of(request, self._limits.body_bytes)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (_PROTOBUF, "application/json"):
            raise Refusal(415, f"content-type is none of {_PROTOBUF}, application/json")
        return body, kind != _PROTOBUF

    async def _export_spans(self, body: bytes, admitted: Admitted, *, in_json: bool) -> Verdicts:
        spans = await run_in_threadpool(spans_in_json if in_json else spans_in_protobuf, body)
        judge = self._spans.under(admitted)
        return await self._take_export("traces", await run_in_threadpool(judge.judged, spans, datetime.now(UTC)))

    async def _export_logs(self, body: bytes, admitted: Admitted, *, in_json: bool) -> Verdicts:
        logs = await run_in_threadpool(logs_in_json if in_json else logs_in_protobuf, body)
        judge = self._logs.under(admitted)
        return await self._take_export("logs", await run_in_threadpool(judge.judged, logs, datetime.now(UTC)))

    async def _take_export(self, source: str, judged: JudgedExport) -> Verdicts:
        try:
            await self._take(source, judged.verdicts)
        except Refusal:
            self._spans.sightings.forget(judged.claims)
            raise
        for why, count in judged.left_out.items():
            self._events.labels(source, why).inc(count)
        return judged.verdicts

    async def _take(self, source: str, verdicts: Verdicts) -> None:
        if verdicts.records:
            await self._spooled(verdicts.records)
        self._events.labels(source, "accepted").inc(len(verdicts.records))
        self._events.labels(source, "rejected").inc(len(verdicts.rejections))

    async def _spooled(self, records: tuple[Record, ...]) -> None:
        entries = await run_in_threadpool(lambda: [self._entry(record) for record in records])
        deadline = asyncio.get_running_loop().time() + self._limits.patience_s
        while True:
            try:
                return await run_in_threadpool(self._spool.append, entries)
            except SpoolFull as full:
                if asyncio.get_running_loop().time() > deadline:
                    raise Refusal(503, str(full), kind="server_error", headers={"Retry-After": "5"}) from full
                await asyncio.sleep(full.retry_after)

    def _entry(self, record: Record) -> Entry:
        """Return the message of a record under its app's privacy; marks that make it too large cost it its texts."""
        entry = entry_of(self._policies.applied_to_any(record))
        return (
            entry if len(entry.value) <= MAX_EVENT_BYTES else entry_of(self._policies.applied_to_any(record, drop=True))
        )


def _said(verdicts: Verdicts, what: str) -> str:
    first = verdicts.rejections[0]
    return f"{verdicts.rejected} {what}s rejected; {what} {first.index}: {first.reason}"


def _json_answer(verdicts: Verdicts, rejected: str, what: str) -> Response:
    if not verdicts.rejections:
        return json_answer({})
    return json_answer({"partialSuccess": {rejected: str(verdicts.rejected), "errorMessage": _said(verdicts, what)}})


def build_application(settings: Settings, configuration: Configuration) -> Starlette:
    """Return the ASGI application; nothing starts before its lifespan does."""
    limits = Limits(spool_bytes=settings.spool_bytes)
    collector = Collector(settings, configuration, producer=lambda: Producer(settings, "collector"), limits=limits)

    def over_grpc(application: Starlette) -> AbstractAsyncContextManager[object]:
        admit = partial(admitted_otherwise, application, needed=NEEDS.of("/v1/traces"))
        return traces_over_grpc(
            collector.exported, settings, message_bytes=limits.body_bytes, admit=admit, logs=collector.exported_logs
        )

    return guarded(application_of(collector, over_grpc), settings, NEEDS, collector.registry)


def application_of(
    collector: Collector, *beside: Callable[[Starlette], AbstractAsyncContextManager[object]]
) -> Starlette:
    """Return the addresses of a collector, and what is served beside them for as long as they are."""

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        async with collector.lifespan(application), AsyncExitStack() as stack:
            for served in beside:
                await stack.enter_async_context(served(application))
            yield

    routes = [
        Route("/v1/events", collector.events, methods=["POST"]),
        Route("/v1/traces", collector.traces, methods=["POST"]),
        Route("/v1/logs", collector.logs, methods=["POST"]),
        *health_routes(collector.ready, collector.registry),
    ]
    return Starlette(routes=routes, exception_handlers=ERROR_HANDLERS, lifespan=lifespan)
