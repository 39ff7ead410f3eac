"""ClickHouse's HTTP interface, as much of it as clickhouse-connect speaks.

POST / runs a statement, GET /ping and GET /healthz say whether it can (503 while the engine starts),
GET /metrics counts.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import prometheus_client
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.embedded.warehouse.engine import Answer, Engine, EngineRefused
from services.embedded.warehouse.payload import MAX_BODY_BYTES, BadPayload, decompressed
from services.embedded.warehouse.statement import BadStatement, Statement, statement_in
from services.parts.runtime.metrics import counter, histogram

log = logging.getLogger(__name__)

_CANNOT_DECOMPRESS = 271
_SYNTAX_ERROR = 62
# Bodies waiting for a handle are held in memory; more than this many requests wait outside.
MAX_WAITING = 16


@dataclass(slots=True)
class Metrics:
    """Counts of this endpoint, in a registry of its own."""

    registry: prometheus_client.CollectorRegistry
    statements: prometheus_client.Counter
    rows: prometheus_client.Counter
    seconds: prometheus_client.Histogram


def new_metrics() -> Metrics:
    """Return counters at zero."""
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=registry)
    return Metrics(
        registry,
        counter("driftloop_warehouse_statements_total", registry),
        counter("driftloop_warehouse_rows_total", registry),
        histogram("driftloop_warehouse_statement_seconds", registry),
    )


class Endpoint:
    """Answers requests from the engine, once there is one."""

    def __init__(self, open_engine: Callable[[], Engine], on_failure: Callable[[Exception], None]) -> None:
        self._open_engine = open_engine
        self._on_failure = on_failure
        self._engine: Engine | None = None
        self._metrics = new_metrics()
        self._waiting = asyncio.Semaphore(MAX_WAITING)

    def application(self) -> Starlette:
        """Return the ASGI application; its lifespan opens and closes the engine."""
        routes = [
            Route("/", self.statement, methods=["POST", "GET"]),
            Route("/ping", self.ping),
            Route("/healthz", self.healthz),
            Route("/metrics", self.metrics),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        opening = asyncio.create_task(self._open())
        yield
        await opening
        if self._engine is not None:
            await run_in_threadpool(self._engine.close)

    async def _open(self) -> None:
        try:
            self._engine = await run_in_threadpool(self._open_engine)
        except Exception as error:  # noqa: BLE001  # the process ends with this error
            self._on_failure(error)

    async def ping(self, _: Request) -> Response:
        """Answer like a ClickHouse server, or 503 while starting."""
        return PlainTextResponse("Ok.\n") if self._engine else _starting()

    async def healthz(self, _: Request) -> Response:
        """Tell whether the engine is open."""
        is_open = self._engine is not None
        return JSONResponse({"started": is_open}, 200 if is_open else 503)

    async def metrics(self, _: Request) -> Response:
        """Give the counters in Prometheus' text format."""
        text = prometheus_client.generate_latest(self._metrics.registry)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    async def statement(self, request: Request) -> Response:
        """Run the statement of a request; an error of the user is an answer, not an exception."""
        if self._engine is None:
            return _starting()
        async with self._waiting:
            try:
                statement = await _read(request)
                answer = await run_in_threadpool(self._run, self._engine, statement)
            except BadPayload as error:
                return _refusal(_CANNOT_DECOMPRESS, str(error), 400)
            except BadStatement as error:
                return _refusal(_SYNTAX_ERROR, str(error), 400)
            except EngineRefused as error:
                return _refusal(error.code, str(error), 500)
        return _success(statement, answer)

    def _run(self, engine: Engine, statement: Statement) -> Answer:
        kind = "insert" if statement.payload is not None else "query"
        began = time.perf_counter()
        try:
            answer = engine.run(statement)
        except EngineRefused as error:
            self._metrics.statements.labels(kind, "refused").inc()
            log.warning("refused kind=%s code=%d", kind, error.code)
            raise
        self._metrics.statements.labels(kind, "done").inc()
        self._metrics.rows.labels(kind).inc(answer.rows)
        self._metrics.seconds.labels(kind).observe(time.perf_counter() - began)
        return answer


async def _read(request: Request) -> Statement:
    arguments = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form() as form:
            arguments |= {name: await _field(value) for name, value in form.items()}
        return statement_in(arguments, b"")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise BadPayload(f"body is larger than {MAX_BODY_BYTES} bytes")
    encoding = request.headers.get("content-encoding", "").lower()
    body = await run_in_threadpool(decompressed, bytes(received), encoding)
    return statement_in(arguments, body)


async def _field(value: UploadFile | str) -> str:
    return value if isinstance(value, str) else (await value.read()).decode()


def _success(statement: Statement, answer: Answer) -> Response:
    written = statement.payload is not None
    summary = {
        "read_rows": str(answer.rows),
        "written_rows": str(answer.rows if written else 0),
        "elapsed_ns": str(int(answer.seconds * 1e9)),
    }
    headers = {"X-ClickHouse-Summary": json.dumps(summary), "X-ClickHouse-Timezone": "UTC"}
    if statement.reads:
        headers["X-ClickHouse-Format"] = statement.format
    return Response(answer.body, headers=headers, media_type="application/octet-stream")


def _refusal(code: int, message: str, status: int) -> Response:
    text = message if message.startswith("Code:") else f"Code: {code}. DB::Exception: {message}"
    return PlainTextResponse(text + "\n", status, headers={"X-ClickHouse-Exception-Code": str(code)})


def _starting() -> Response:
    return PlainTextResponse("starting\n", 503, headers={"Retry-After": "1"})
