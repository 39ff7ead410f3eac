"""Every other address under /v1/: passed through as it came, counted, and not recorded.

Which app it is for is told by the first of: `model` in a JSON body, the form field `model` of a
multipart body (audio), the query's `model`, the header `x-driftloop-app`, the app of the caller's key,
and the only app when there is one. `model` is readdressed to the stable version, on the way in alone.
"""

import re
from urllib.parse import quote, unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from schemas.configuration import App
from schemas.learning import Route
from services.gateway.arrival import MAX_BODY_BYTES, Reception
from services.gateway.calls import Parts
from services.gateway.events import model_of
from services.gateway.feedback import only
from services.gateway.headers import inbound_headers
from services.gateway.passed import ThroughAnswer
from services.gateway.upstream import Sending, UpstreamFailed
from services.gateway.wire.addresses import theirs
from services.gateway.wire.members import Cut, members_of, spliced
from services.parts.access.admitted import admitted_of
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, error_body, json_answer

# Whoever reaches them decides what is served: they belong to the rollout process alone.
_CLOSED = {"load_lora_adapter", "unload_lora_adapter"}
_FORM_MODEL = re.compile(rb'name="?model"?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n', re.IGNORECASE)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


async def pass_through(request: Request, reception: Reception, parts: Parts) -> Response:
    """Answer with what the upstream says.

    Raises:
        Refusal: 404 an address that stays closed, or an unknown app; 400 no app named; 413 too large.
    """
    path = _open_path(request)
    body = await body_of(request, MAX_BODY_BYTES)
    named = _named_in(body, request.headers.get("content-type", ""))
    app = _app(request, reception, parts, named[0] if named else "")
    if named:
        body = spliced(body, [_readdressed(named[1], app, parts.routes.of(app.name).stable)])
    outbound = reception.outbound(request, app, path.replace("{", "%7B"))
    sending = Sending(
        outbound.target(""), outbound.headers, body, request.method, repeatable=request.method in _SAFE_METHODS
    )
    try:
        upstream = await parts.upstreams.open(app.name, sending)
    except UpstreamFailed as failure:
        parts.measures.passed.labels(app.name, failure.status).inc()
        refusal = Refusal(failure.status, failure.message, kind="upstream_error", code=failure.error_type)
        return json_answer(error_body(refusal), failure.status)
    parts.measures.passed.labels(app.name, upstream.status).inc()
    return ThroughAnswer(upstream, inbound_headers(upstream.raw_headers))


def _open_path(request: Request) -> str:
    """Return the path as it is to be asked upstream, ids of responses as the upstream knows them."""
    raw = request.scope.get("raw_path") or quote(request.url.path).encode()
    path = raw.decode("latin-1").partition("?")[0]
    steps = [unquote(step) for step in unquote(path).split("/")]
    if ".." in steps or _CLOSED.intersection(steps):
        raise Refusal(404, f"no such address: {request.method} {request.url.path}")
    return "/".join(quote(theirs(unquote(step)), safe="") if "resp_" in step else step for step in path.split("/"))


def _named_in(body: bytes, content_type: str) -> tuple[str, Cut] | None:
    """Return the app that a body names, and where."""
    if content_type.startswith("multipart/form-data"):
        found = _FORM_MODEL.search(body)
        return (found[1].decode(errors="replace"), Cut(*found.span(1), b"")) if found else None
    at = members_of(body).get("model")
    if at is None:
        return None
    try:
        return msgspec.json.decode(body[at.value : at.end], type=str), Cut(at.value, at.end, b'""')
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _readdressed(at: Cut, app: App, route: Route) -> Cut:
    model = model_of(app, route)
    return Cut(at.start, at.end, msgspec.json.encode(model) if at.new else model.encode())


def _app(request: Request, reception: Reception, parts: Parts, named: str) -> App:
    name = named or request.query_params.get("model", "") or request.headers.get("x-driftloop-app", "")
    return reception.app_called(name or admitted_of(request).app or only(parts.apps), request)
