"""The operators' API: an order is validated, put on the bus, and answered once the bus has it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.configuration import Configuration
from schemas.record import Record
from schemas.settings import Settings
from services.clients.bus.errors import BusError
from services.clients.bus.producer import Producer
from services.control.orders import (
    BadOrder,
    Stamp,
    adapter_proposed,
    approval_ordered,
    identity_of,
    retraining_requested,
    rollout_ordered,
)
from services.parts.access.admitted import admitted_of
from services.parts.access.guard import Needs, guarded
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, json_answer
from services.parts.ingress.identity import new_event_id
from services.parts.ingress.serving import ERROR_HANDLERS, health_routes, process_registry
from services.parts.runtime.metrics import counter

NEEDS = Needs(("operate",))
FLUSH_S = 10.0
_MAX_BODY = 64_000

Make = Callable[[bytes, Configuration, Stamp], Record]
_ORDERS: dict[str, Make] = {
    "/v1/rollouts": rollout_ordered,
    "/v1/proposals": adapter_proposed,
    "/v1/retrainings": retraining_requested,
    "/v1/approvals": approval_ordered,
}


def build_application(settings: Settings, configuration: Configuration) -> Starlette:
    """Return the application: POST /v1/{rollouts,proposals,retrainings,approvals}, GET /healthz and /metrics.

    An accepted order is answered 202 with its ids, after the broker acknowledged it; when it does not,
    503 and the operator tries again. The same order sent twice is two orders.
    """
    producer, registry = Producer(settings, "control"), process_registry()
    orders = counter("driftloop_control_orders_total", registry)

    def endpoint(path: str, make: Make) -> Route:
        async def take(request: Request) -> Response:
            record = _made(make, await body_of(request, _MAX_BODY), configuration)
            admitted_of(request).check(record.app)
            await asyncio.to_thread(_deliver, producer, record)
            orders.labels(path).inc()
            return json_answer(identity_of(record), 202)

        return Route(path, take, methods=["POST"])

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(producer.close)

    application = Starlette(
        routes=[
            *(endpoint(path, make) for path, make in _ORDERS.items()),
            *health_routes(lambda: {"started": True}, registry),
        ],
        exception_handlers=ERROR_HANDLERS,
        lifespan=lifespan,
    )
    return guarded(application, settings, NEEDS, registry)


def _made(make: Make, body: bytes, configuration: Configuration) -> Record:
    stamp = Stamp(new_event_id(), new_event_id(), datetime.now(UTC))
    try:
        return make(body, configuration, stamp)
    except BadOrder as error:
        raise Refusal(400, str(error)) from error


def _deliver(producer: Producer, record: Record) -> None:
    try:
        producer.send(record)
        producer.flush(FLUSH_S)
    except BusError as error:
        said = "the bus did not take the order; it may still arrive: look before trying again"
        raise Refusal(503, said, kind="server_error", headers={"Retry-After": "5"}) from error
