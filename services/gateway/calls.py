"""The life of a call: received, routed, asked upstream, recorded, answered, mirrored.

Order of effects: 1. the request is noted for the spool, 2. the upstream is asked, 3. the response is
on the spool, 4. the client gets its answer (of a stream: its end), 5. copies go to the shadows.
So an answered call is on record even if the gateway is killed the moment after.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from schemas.configuration import App
from schemas.learning import Route
from services.gateway.answers import Answer, readdressed
from services.gateway.chat import parse_chat
from services.gateway.departure import Departure
from services.gateway.events import Call, Caller, Outcome, requested, responded
from services.gateway.exchange import Reply, attempts, exchanged, opened
from services.gateway.measures import Measures
from services.gateway.mirrors import Mirrors
from services.gateway.recorder import Recorder
from services.gateway.routes import Routes
from services.gateway.routing import choose, mirrored, point
from services.gateway.streams import StreamedAnswer
from services.gateway.upstream import UpstreamFailed, Upstreams
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, error_body, json_answer
from services.parts.ingress.identity import new_event_id
from services.parts.ingress.pseudonyms import pseudonym
from services.parts.ingress.traces import parse_traceparent

MAX_BODY_BYTES = 16 * 1024 * 1024
_NAME_LENGTH = 256
_WATCH_AFTER_S = 1.0
_CLIENT_CLOSED = 499


@dataclass(frozen=True, slots=True)
class Parts:
    """What a call passes through."""

    apps: Mapping[str, App]
    key: bytes
    routes: Routes
    upstreams: Upstreams
    recorder: Recorder
    mirrors: Mirrors
    measures: Measures


async def answer_chat(request: Request, parts: Parts) -> Response:
    """Answer POST /v1/chat/completions.

    Raises:
        Refusal: 400, 404 or 413; nothing is recorded then, for there was no inference.
    """
    call = await _received(request, parts)
    table = parts.routes.of(call.app.name)
    route = choose(table, point(call.app.name, call.unit))
    parts.recorder.note(requested(call, route, event_id=new_event_id()))  # 1
    routes = attempts(route, table.stable, parts.upstreams.replicas(call.app.name))
    answer = _streamed if call.chat.sampling.stream else _whole
    with parts.measures.in_flight.track_inprogress():
        return await answer(request, parts, call, routes)


async def _received(request: Request, parts: Parts) -> Call:
    received_at, started = datetime.now(UTC), time.perf_counter()
    chat = parse_chat(await body_of(request, MAX_BODY_BYTES))
    app = parts.apps.get(chat.app)
    if app is None:
        raise Refusal(
            404, f"no app is called {chat.app!r}; GET /v1/models lists them", param="model", code="model_not_found"
        )
    header = request.headers.get
    caller = Caller(
        session_id=header("x-session-id", "")[:_NAME_LENGTH],
        user_id=pseudonym(chat.user, parts.key),
        tenant=header("x-tenant", "")[:_NAME_LENGTH],
        trace=parse_traceparent(header("traceparent", "")),
    )
    return Call(f"chatcmpl-{new_event_id()}", app, chat, caller, received_at, started)


async def _whole(request: Request, parts: Parts, call: Call, routes: tuple[Route, ...]) -> Response:
    asked = time.perf_counter()
    try:
        with Departure(request.receive, after_s=_WATCH_AFTER_S) as departure:
            reply = await exchanged(parts.upstreams, call, routes)  # 2
    except UpstreamFailed as failure:
        return _failed(parts, call, routes[0], failure)
    except asyncio.CancelledError:
        _end(parts, call, Outcome(routes[0], Answer(), _ms(call), error_type="gateway_stopped"), 503)
        raise
    if departure.left:
        gone = Answer(finish_reason="client_disconnected")
        _end(parts, call, Outcome(routes[0], gone, _ms(call)), _CLIENT_CLOSED)
        return Response(status_code=_CLIENT_CLOSED)
    upstream_s = time.perf_counter() - asked
    response = _replied(parts, call, reply, routes[0])
    parts.measures.overhead.observe(time.perf_counter() - call.started - upstream_s)
    return response


def _replied(parts: Parts, call: Call, reply: Reply, chosen: Route) -> Response:
    _count_fallback(parts, call, chosen, reply.route)
    error_type = "" if reply.status == 200 else str(reply.status)
    _end(parts, call, Outcome(reply.route, reply.answer, _ms(call), error_type=error_type), reply.status)  # 3
    data = reply.data
    if reply.status == 200:
        data = readdressed(data, call.request_id, call.app.name)
    return Response(data, reply.status, _headers(reply.route), "application/json")  # 4


async def _streamed(_: Request, parts: Parts, call: Call, routes: tuple[Route, ...]) -> Response:
    asked = time.perf_counter()
    try:
        upstream, route = await opened(parts.upstreams, call, routes, stream=True)  # 2
    except UpstreamFailed as failure:
        return _failed(parts, call, routes[0], failure)
    if upstream.status != 200:
        data = await upstream.read()
        upstream.release()
        return _replied(parts, call, Reply(route, upstream.status, data, Answer()), routes[0])
    _count_fallback(parts, call, routes[0], route)
    parts.measures.overhead.observe(asked - call.started)
    return StreamedAnswer(
        upstream, call, route, ended=lambda outcome: _end(parts, call, outcome, 200), headers=_headers(route)
    )


def _failed(parts: Parts, call: Call, route: Route, failure: UpstreamFailed) -> Response:
    _end(parts, call, Outcome(route, Answer(), _ms(call), error_type=failure.error_type), failure.status)
    refusal = Refusal(failure.status, failure.message, kind="upstream_error", code=failure.error_type)
    return json_answer(error_body(refusal), failure.status, _headers(route))


def _end(parts: Parts, call: Call, outcome: Outcome, status: int) -> None:
    parts.recorder.keep(responded(call, outcome, event_id=new_event_id(), at=datetime.now(UTC)))  # 3
    parts.measures.requests.labels(call.app.name, outcome.route.variant, status).inc()
    for shadow in mirrored(parts.routes.of(call.app.name), point("mirror", call.request_id)):
        parts.mirrors.offer(call, shadow)  # 5


def _count_fallback(parts: Parts, call: Call, chosen: Route, answered: Route) -> None:
    if answered is not chosen:
        parts.measures.fallbacks.labels(call.app.name, chosen.adapter_version).inc()


def _headers(route: Route) -> dict[str, str]:
    return {"x-driftloop-adapter-version": route.adapter_version, "x-driftloop-variant": route.variant}


def _ms(call: Call) -> float:
    return (time.perf_counter() - call.started) * 1000
