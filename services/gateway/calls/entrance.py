"""The way in of the recorded surfaces, without the router.

A router matches paths one by one and wraps each request and each message of its answer; here one look into a
dictionary leads to a surface, whose refusals are answered on the spot.
"""

from collections.abc import Awaitable, Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.calls.answering import Parts, answer_call
from services.gateway.calls.arrival import Reception
from services.gateway.wire.surfaces import Surface
from services.parts.ingress.errors import Refusal, answer_of


class RecordedSurface:
    """Answers POST to a recorded surface.

    Args:
        parts: What calls pass through, once it is there.
    """

    def __init__(self, surface: Surface, reception: Reception, parts: Callable[[], Parts]) -> None:
        self._surface, self._reception, self._parts = surface, reception, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""
        parts = self._parts()
        try:
            call = await self._reception.received(scope, receive, self._surface)
        except Refusal as refusal:
            parts.measures.refused.inc()
            answer = answer_of(refusal)
        else:
            answer = await answer_call(receive, call, parts)
        await answer(scope, receive, send)


class Entrance:
    """Answers POST to paths that are known word for word, and leaves everything else to the application behind it."""

    def __init__(self, app: ASGIApp, surfaces: Mapping[str, ASGIApp]) -> None:
        self._app, self._surfaces = app, surfaces

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Lead a request to who answers it."""
        found = self._surfaces.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        return (found or self._app)(scope, receive, send)
