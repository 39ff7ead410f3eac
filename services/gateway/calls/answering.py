"""The life of a call: received, routed, asked upstream, recorded, answered, mirrored.

Order of effects: 1. the request is noted for the spool, 2. the upstream is asked, 3. the response is
on the spool, 4. the client gets its answer (of a stream: its end), 5. copies go to the shadows.
So an answered call is on record even if the gateway is killed the moment after.
"""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response
from starlette.types import Receive

from schemas.configuration import App
from schemas.learning import Route
from services.gateway.calls.charging import charge
from services.gateway.calls.departure import Departure
from services.gateway.calls.exchange import Reply, attempts, opened, read_whole
from services.gateway.calls.mirrors import Mirrors
from services.gateway.calls.passed import PassedAnswer
from services.gateway.calls.streams import StreamedAnswer
from services.gateway.measures import Measures
from services.gateway.recording.events import Call, Outcome, cost_of, requested, responded
from services.gateway.recording.recorder import Recorder
from services.gateway.routing.routes import Routes
from services.gateway.routing.table import choose, mirrored, point
from services.gateway.upstreams.headers import inbound_headers, route_headers
from services.gateway.upstreams.responses import UpstreamResponse, header_of
from services.gateway.upstreams.sending import UpstreamFailed, Upstreams
from services.gateway.wire.addresses import Addresses
from services.gateway.wire.answers import Answer
from services.gateway.wire.asked import Form
from services.gateway.wire.formats.reading import Doubts, total
from services.parts.ingress.errors import Refusal, error_body, json_answer
from services.parts.ingress.identity import new_event_id

_WATCH_AFTER_S = 1.0
_CLIENT_CLOSED = 499
_EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a call passes through.

    Attributes:
        passed_bytes: Bound on a body that is passed on without being recorded.
    """

    apps: Mapping[str, App]
    routes: Routes
    upstreams: Upstreams
    recorder: Recorder
    mirrors: Mirrors
    measures: Measures
    passed_bytes: int


async def answer_call(receive: Receive, call: Call, parts: Parts) -> Response:
    """Answer a call of a recorded surface; whatever the upstream said is the answer."""
    table = parts.routes.of(call.app.name)
    route = table.only or choose(table, point(call.app.name, call.unit))
    if call.app.record:
        parts.recorder.note(call.request_id, lambda: requested(call, route, event_id=new_event_id()))  # 1
    _count_doubts(parts, call, "request", call.asked.doubts)
    routes = attempts(route, table.stable, parts.upstreams.replicas(call.app.name))
    with parts.measures.in_flight.track_inprogress():
        return await _answered(receive, parts, call, routes)


async def _answered(receive: Receive, parts: Parts, call: Call, routes: tuple[Route, ...]) -> Response:
    asked = time.perf_counter()
    try:
        with Departure(receive, after_s=_WATCH_AFTER_S) as departure:
            heard = await _heard(parts, call, routes)  # 2
    except UpstreamFailed as failure:
        return await _failed(parts, call, routes[0], failure)
    except asyncio.CancelledError:
        _end(parts, call, Outcome(routes[0], Answer(), _ms(call), error_type="gateway_stopped"), 503)
        raise
    if departure.left:
        gone = Answer(finish_reason="client_disconnected")
        _end(parts, call, Outcome(routes[0], gone, _ms(call)), _CLIENT_CLOSED)
        return Response(status_code=_CLIENT_CLOSED)
    upstream_s = time.perf_counter() - asked
    if isinstance(heard, Reply):
        response = await _replied(parts, call, heard, routes[0])
    else:
        upstream, route = heard
        response = _streaming(parts, call, upstream, route)
        _count_fallback(parts, call, routes[0], route)
    parts.measures.overhead.observe(time.perf_counter() - call.started - upstream_s)
    return response


async def _heard(parts: Parts, call: Call, routes: tuple[Route, ...]) -> Reply | tuple[UpstreamResponse, Route]:
    """Return a whole reply, or the response of an upstream that streams."""
    streams = call.asked.sampling.stream
    form: Form = "with-usage" if streams and call.surface.usage_option else "as-sent"
    upstream, route = await opened(parts.upstreams, call, routes, form=form)
    told = header_of(upstream.headers, b"content-type")
    is_json = "json" in told
    if upstream.status < 300 and (told.startswith(_EVENT_STREAM) or (streams and not is_json)):
        return upstream, route
    return await read_whole(upstream, call, route)


async def _replied(parts: Parts, call: Call, reply: Reply, chosen: Route) -> Response:
    _count_fallback(parts, call, chosen, reply.route)
    _count_doubts(parts, call, "answer", reply.doubts)
    outcome = Outcome(reply.route, reply.answer, _ms(call), error_type=reply.error_type)
    if (recorded := _end(parts, call, outcome, reply.status)) is not None:  # 3
        await recorded
    data = reply.data
    if reply.encoded:
        pass
    elif reply.status < 300:
        addresses = Addresses(call.request_id, call.app.name, paired=call.surface.events)
        data = total(lambda: addresses.put_on(reply.data), reply.data, Doubts())
    elif call.outbound.own:
        data = call.outbound.without_own_secrets(data)
    headers = [*inbound_headers(reply.headers, encoded=reply.encoded), *route_headers(reply.route, call.request_id)]
    return PassedAnswer(reply.status, headers, data)  # 4


def _streaming(parts: Parts, call: Call, upstream: UpstreamResponse, route: Route) -> StreamedAnswer:
    def ended(outcome: Outcome, doubts: int) -> Awaitable[None] | None:
        _count_doubts(parts, call, "answer", doubts)
        return _end(parts, call, outcome, upstream.status)

    return StreamedAnswer(upstream, call, route, ended=ended)


async def _failed(parts: Parts, call: Call, route: Route, failure: UpstreamFailed) -> Response:
    outcome = Outcome(route, Answer(), _ms(call), error_type=failure.error_type)
    if (recorded := _end(parts, call, outcome, failure.status)) is not None:
        await recorded
    refusal = Refusal(failure.status, failure.message, kind="upstream_error", code=failure.error_type)
    answer = json_answer(error_body(refusal), failure.status)
    answer.raw_headers.extend(route_headers(route, call.request_id))
    return answer


def _end(parts: Parts, call: Call, outcome: Outcome, status: int) -> Awaitable[None] | None:
    """Record a call's end; what is returned is to be awaited before the client sees that end."""
    cost = total(lambda: cost_of(call, outcome), None, Doubts())
    charge(call, outcome, cost)
    parts.measures.answered(call.app.name, outcome.route.variant, status)
    if not call.app.record:
        return None
    at = datetime.now(UTC)
    recorded = parts.recorder.answered(
        call.request_id, lambda: responded(call, outcome, cost_usd=cost, event_id=new_event_id(), at=at)
    )  # 3
    table = parts.routes.of(call.app.name)
    if table.shadows:
        for shadow in mirrored(table, point("mirror", call.request_id)):
            parts.mirrors.offer(call, shadow)  # 5
    return recorded


def _count_fallback(parts: Parts, call: Call, chosen: Route, answered: Route) -> None:
    if answered is not chosen:
        parts.measures.fallbacks.labels(call.app.name, chosen.adapter_version).inc()


def _count_doubts(parts: Parts, call: Call, side: str, doubts: int) -> None:
    if doubts:
        parts.measures.unread.labels(call.app.name, side).inc()


def _ms(call: Call) -> float:
    return (time.perf_counter() - call.started) * 1000
