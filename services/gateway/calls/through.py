"""Every other address under /v1/: passed through as it came, counted, and not recorded.

Which app it is for is told by the first of: `model` in a JSON body, the form field `model` of a
multipart body (audio), the query's `model`, the header `x-driftloop-app`, the app of the caller's key,
and the only app when there is one. `model` is readdressed to the stable version, on the way in alone.
Of a body that is too large to be held, the first part alone may name the app.
"""

from collections.abc import Callable
from urllib.parse import quote, unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from schemas.configuration import App
from schemas.learning import Route
from services.gateway.calls.answering import Parts
from services.gateway.calls.arrival import MAX_BODY_BYTES, Reception
from services.gateway.calls.passed import ThroughAnswer
from services.gateway.feedback.events import only
from services.gateway.recording.events import model_of
from services.gateway.upstreams.headers import inbound_headers
from services.gateway.upstreams.sending import Sending, UpstreamFailed
from services.gateway.upstreams.uploads import FORM_MODEL, FormUpload, Upload, begun
from services.gateway.wire.addresses import theirs
from services.gateway.wire.formats.members import Cut, members_of, spliced
from services.parts.access.admitted import admitted_of
from services.parts.ingress.errors import Refusal, error_body, json_answer

# Whoever reaches them decides what is served: they belong to the rollout process alone.
_CLOSED = {"load_lora_adapter", "unload_lora_adapter"}
_FORM = "multipart/form-data"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


async def pass_through(request: Request, reception: Reception, parts: Parts) -> Response:
    """Answer with what the upstream says.

    Raises:
        Refusal: 404 an address that stays closed, or an unknown app; 400 no app named; 413 too large.
    """
    path = _open_path(request)
    head, rest = await begun(request, held=MAX_BODY_BYTES, limit=parts.passed_bytes)
    named = _named_in(head, request.headers.get("content-type", ""))
    app = _app(request, reception, parts, named[0] if named else "")
    stable = parts.routes.of(app.name).stable
    body = spliced(head, [_readdressed(named[1], app, stable)]) if named else head
    outbound = reception.outbound(request.scope, app, path.replace("{", "%7B"))
    repeatable = rest is None and request.method in _SAFE_METHODS
    sending = Sending(outbound.target(""), outbound.headers, body, request.method, repeatable=repeatable)
    if rest is not None and not named and request.headers.get("content-type", "").startswith(_FORM):
        form = FormUpload(body, rest, parts.passed_bytes, _put(app, stable))
        sending = _uploading(request, sending, form, None)
    elif rest is not None:
        sending = _uploading(request, sending, Upload(body, rest, parts.passed_bytes), len(body) - len(head))
    try:
        upstream = await parts.upstreams.open(app.name, sending)
    except UpstreamFailed as failure:
        parts.measures.passed.labels(app.name, failure.status).inc()
        refusal = Refusal(failure.status, failure.message, kind="upstream_error", code=failure.error_type)
        return json_answer(error_body(refusal), failure.status)
    parts.measures.passed.labels(app.name, upstream.status).inc()
    upload = sending.body if isinstance(sending.body, Upload) else None
    headers = [(name.lower(), value) for name, value in upstream.raw_headers]
    return ThroughAnswer(upstream, inbound_headers(headers, encoded=True), upload)


def _uploading(request: Request, sending: Sending, body: Upload, grown: int | None) -> Sending:
    """Return the same with a body that is passed on piece by piece, of a length that is known or not."""
    headers = sending.headers
    if grown is not None and "content-length" in request.headers:
        headers = [*headers, (b"content-length", b"%d" % (int(request.headers["content-length"]) + grown))]
    return msgspec.structs.replace(sending, body=body, headers=headers)


def _put(app: App, stable: Route) -> Callable[[bytes], bytes]:
    return lambda told: model_of(app, stable).encode() if told == app.name.encode() else told


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
    if content_type.startswith(_FORM):
        found = FORM_MODEL.search(body)
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
    admitted = admitted_of(request)
    return reception.app_called(name or admitted.app or only(parts.apps), admitted)
