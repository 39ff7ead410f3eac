"""One exchange with an upstream: which routes are tried, and what its answer means.

A version that a replica does not have (404) is not an answer while there are others to ask: the stable
version is asked next, on as many replicas as there are. The last one's answer stands, whatever it is.
"""

from collections.abc import Sequence

import msgspec

from schemas.learning import Route
from services.gateway.recording.events import Call, model_of
from services.gateway.upstreams.encodings import decoded
from services.gateway.upstreams.responses import BrokenOff, UpstreamResponse, header_of
from services.gateway.upstreams.sending import Sending, UpstreamFailed, Upstreams, timed_out
from services.gateway.wire.answers import Answer
from services.gateway.wire.asked import Form
from services.gateway.wire.errors import UpstreamError, error_in
from services.gateway.wire.formats.reading import Doubts, total

_NOT_UNDERSTOOD = (400, 422)


class Reply(msgspec.Struct, frozen=True):
    """A whole answer with the route that gave it.

    Attributes:
        error_type: OpenTelemetry `error.type`; empty on success.
        doubts: How much of it was not understood.
        encoded: The data is as it came, in an encoding that can't be read here.
    """

    route: Route
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    data: bytes
    answer: Answer
    error_type: str = ""
    doubts: int = 0
    encoded: bool = False


def attempts(chosen: Route, stable: Route, replicas: int) -> tuple[Route, ...]:
    """Return the routes to try in turn. Pure."""
    return (stable,) * replicas if chosen.variant == "stable" else (chosen, *(stable,) * replicas)


async def opened(
    upstreams: Upstreams, call: Call, routes: Sequence[Route], *, form: Form
) -> tuple[UpstreamResponse, Route]:
    """Return the response of the first route that its replica has, or of the last. Release it.

    Raises:
        UpstreamFailed: Nobody reached, or too slow.
    """
    for route in routes[:-1]:
        response = await _sent(upstreams, call, route, form)
        if response.status != 404:
            return response, route
        response.release()
    return await _sent(upstreams, call, routes[-1], form), routes[-1]


async def _sent(upstreams: Upstreams, call: Call, route: Route, form: Form) -> UpstreamResponse:
    asks_usage = form == "with-usage" and not call.asked.wants_usage
    if asks_usage and call.app.name in upstreams.without_usage:
        return await _asked(upstreams, call, route, "as-sent")
    response = await _asked(upstreams, call, route, form)
    if not asks_usage or response.status not in _NOT_UNDERSTOOD:
        return response
    # Perhaps only our own question for usage was not understood.
    response.release()
    response = await _asked(upstreams, call, route, "as-sent")
    if response.status < 300:
        upstreams.without_usage.add(call.app.name)
    return response


async def _asked(upstreams: Upstreams, call: Call, route: Route, form: Form) -> UpstreamResponse:
    model = model_of(call.app, route)
    body = call.asked.body_for(model, form)
    return await upstreams.ask(call.app.name, Sending(call.outbound.target(model), call.outbound.headers, body))


async def exchanged(upstreams: Upstreams, call: Call, routes: Sequence[Route]) -> Reply:
    """Return the whole answer of a call, which is then not streamed.

    Raises:
        UpstreamFailed: As `opened`; also when the answer breaks off.
    """
    response, route = await opened(upstreams, call, routes, form="whole")
    return await read_whole(response, call, route)


async def read_whole(response: UpstreamResponse, call: Call, route: Route) -> Reply:
    """Return the reply in a response, and release it.

    Raises:
        UpstreamFailed: The answer breaks off, or stops coming.
    """
    try:
        data = await response.read()
    except TimeoutError as error:
        raise timed_out() from error
    except BrokenOff as error:
        raise UpstreamFailed(502, "upstream_interrupted", "the upstream broke off its answer") from error
    finally:
        response.release()
    plain = decoded(header_of(response.headers, b"content-encoding"), data)
    if plain is None:
        error_type = "" if response.status < 300 else str(response.status)
        return Reply(route, response.status, response.headers, data, Answer(), error_type, 1, encoded=True)
    return _reply(call, route, response, plain)


def _reply(call: Call, route: Route, response: UpstreamResponse, data: bytes) -> Reply:
    status, doubts = response.status, Doubts()
    if not 200 <= status < 300:
        error = total(lambda: error_in(data), None, doubts)
        error_type = "model_not_found" if status == 404 else str(status)
        return Reply(route, status, response.headers, data, Answer(error=error), error_type)
    nothing: Answer | None = Answer()
    answer = total(lambda: call.surface.answer(data, doubts), nothing, doubts)
    if answer is None:
        doubts.note()
        return Reply(route, status, response.headers, data, Answer(), "invalid_response", doubts.count)
    return Reply(route, status, response.headers, data, answer, named(answer.error), doubts.count)


def named(error: UpstreamError | None) -> str:
    """Return the `error.type` of an error that came under a status of success."""
    return (error.kind or "upstream_error") if error else ""
