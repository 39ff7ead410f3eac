"""One exchange with an upstream: which routes are tried, and what its answer means.

A version that a replica does not have (404) is not an answer: the stable version is asked next, on
as many replicas as there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from schemas.learning import Route
from services.gateway.answers import Answer, BadAnswer, parse_completion
from services.gateway.events import Call, model_of
from services.gateway.upstream import UpstreamFailed, Upstreams, timed_out

_TRACE_HEADER = "traceparent"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer with the route that gave it.

    Attributes:
        answer: Empty when the upstream refused the call (status 4xx).
    """

    route: Route
    status: int
    data: bytes
    answer: Answer


def attempts(chosen: Route, stable: Route, replicas: int) -> tuple[Route, ...]:
    """Return the routes to try in turn. Pure."""
    return (stable,) * replicas if chosen.variant == "stable" else (chosen, *(stable,) * replicas)


async def opened(
    upstreams: Upstreams, call: Call, routes: Sequence[Route], *, stream: bool
) -> tuple[aiohttp.ClientResponse, Route]:
    """Return the response of the first route that its replica has, status below 500. Release it.

    Raises:
        UpstreamFailed: Nobody reached, too slow, 5xx, or no replica has any of the versions.
    """
    for route in routes:
        body = call.chat.body_for(model_of(call.app, route), call.caller.user_id, stream=stream)
        response = await upstreams.open(call.app.name, body, _headers(call))
        if response.status == 404:
            response.release()
            continue
        if response.status >= 500:
            response.release()
            raise UpstreamFailed(502, str(response.status), f"the upstream answered {response.status}")
        return response, route
    raise UpstreamFailed(502, "model_not_found", "no upstream has the version that should answer")


async def exchanged(upstreams: Upstreams, call: Call, routes: Sequence[Route]) -> Reply:
    """Return the whole answer of a call that is not streamed.

    Raises:
        UpstreamFailed: As `opened`; also when the answer breaks off or is no completion.
    """
    response, route = await opened(upstreams, call, routes, stream=False)
    try:
        data = await response.read()
        answer = parse_completion(data) if response.status == 200 else Answer()
    except TimeoutError as error:
        raise timed_out() from error
    except aiohttp.ClientError as error:
        raise UpstreamFailed(502, "upstream_interrupted", "the upstream broke off its answer") from error
    except BadAnswer as error:
        raise UpstreamFailed(502, "invalid_response", "the upstream answered with no completion") from error
    finally:
        response.release()
    return Reply(route, response.status, data, answer)


def _headers(call: Call) -> dict[str, str]:
    trace = call.caller.trace
    return {_TRACE_HEADER: f"00-{trace.trace_id}-{trace.span_id}-01"} if trace.trace_id else {}
