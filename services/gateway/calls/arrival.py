"""From an HTTP request to a call: which app, what is asked, who asks. What can't be served is refused here.

Refused is only what is no JSON, names no app, or is too large.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from starlette.types import Receive, Scope

from schemas.configuration import App
from services.gateway.recording.events import Call, Caller
from services.gateway.upstreams.headers import Outbound, outbound_headers
from services.gateway.wire.asked import Asked, Body, Wire, asked_in, read_wire
from services.gateway.wire.constraints import constraint_of
from services.gateway.wire.formats.reading import Doubts, is_json, total
from services.gateway.wire.surfaces import Surface
from services.parts.access.admitted import Admitted, admitted_in
from services.parts.credentials import Credentials
from services.parts.ingress.bodies import body_in, headers_in
from services.parts.ingress.errors import Refusal
from services.parts.ingress.identity import new_event_id
from services.parts.ingress.pseudonyms import pseudonym
from services.parts.ingress.traces import NO_TRACE, parse_traceparent

MAX_BODY_BYTES = 16 * 1024 * 1024
_NAME_LENGTH = 256
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_NOT_WRITABLE = re.compile("[\ud800-\udfff]")


class Reception:
    """Takes requests in for a gateway's apps."""

    def __init__(self, apps: Mapping[str, App], credentials: Mapping[str, Credentials], key: bytes) -> None:
        self._apps, self._key = apps, key
        self._credentials = {name: (told, told.names) for name, told in credentials.items()}
        self._constraints = {name: constraint_of(app) for name, app in apps.items()}

    async def received(self, scope: Scope, receive: Receive, surface: Surface) -> Call:
        """Return the call in a request to a recorded surface.

        Raises:
            Refusal: 400 no JSON object or no app named, 403 another app's key, 404 an unknown app, 413 too large.
        """
        received_at, started = datetime.now(UTC), time.perf_counter()
        headers, admitted = headers_in(scope), admitted_in(scope)
        body = await body_in(headers, receive, MAX_BODY_BYTES)
        wire = read_wire(body)
        if wire is None:
            raise Refusal(400, _why_unreadable(body), code="invalid_json")
        deployment = scope.get("path_params", _NO_PARAMETERS).get("deployment", "")
        app = self.app_called(deployment or wire.model, admitted)
        asked = self._asked(wire, body, surface, app)
        return Call(
            request_id=surface.prefix + new_event_id(),
            app=app,
            surface=surface,
            asked=asked,
            outbound=self.outbound(scope, app, _path(scope, surface, deployment)),
            caller=self._caller(headers, admitted, asked.user),
            received_at=received_at,
            started=started,
        )

    def app_called(self, name: object, admitted: Admitted) -> App:
        """Return the app of a name, to which whoever asks must be let.

        Raises:
            Refusal: 400 no name, 403 the key is another app's, 404 nobody's.
        """
        if not isinstance(name, str) or not name:
            raise Refusal(400, "the body names no app: `model` must be one", param="model", code="invalid_value")
        if name not in self._apps:
            said = f"no app is called {name[:_NAME_LENGTH]!r}; GET /v1/models lists them"
            raise Refusal(404, said, param="model", code="model_not_found")
        admitted.check(name)
        return self._apps[name]

    def outbound(self, scope: Scope, app: App, path: str) -> Outbound:
        """Return where a request goes and with which headers."""
        credentials, own = self._credentials[app.name]
        azure = path.startswith("/openai/")
        headers = outbound_headers(scope["headers"], credentials, azure=azure)
        if scope["method"] == "POST" and not any(name == b"content-type" for name, _ in headers):
            headers.append((b"content-type", b"application/json"))
        return Outbound(path, scope["query_string"].decode("latin-1"), headers, own)

    def _asked(self, wire: Wire, body: bytes, surface: Surface, app: App) -> Asked:
        constraint = self._constraints[app.name] if surface.labelled else None
        taken = Body.of(body, self._pseudonym if app.identities == "pseudonym" else None, constraint)
        return total(lambda: asked_in(wire, taken, surface.messages), Asked(taken, doubts=1), Doubts())

    def _caller(self, headers: Mapping[bytes, bytes], admitted: Admitted, user: str) -> Caller:
        trace = headers.get(b"traceparent")
        return Caller(
            session_id=_text(headers, b"x-session-id"),
            user_id=self._pseudonym(user) if user else "",
            tenant=admitted.tenant or _text(headers, b"x-tenant"),
            charge=admitted.charge,
            trace=parse_traceparent(trace.decode("latin-1")) if trace else NO_TRACE,
        )

    def _pseudonym(self, name: str) -> str:
        return pseudonym(_NOT_WRITABLE.sub("\ufffd", name), self._key)


def _path(scope: Scope, surface: Surface, deployment: str) -> str:
    if deployment:
        return f"/openai/deployments/{{model}}/{surface.path}"
    return f"/openai/v1/{surface.path}" if scope["path"].startswith("/openai/") else f"/v1/{surface.path}"


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    value = headers.get(name)
    return value.decode("latin-1")[:_NAME_LENGTH] if value else ""


def _why_unreadable(body: bytes) -> str:
    return "the body must be a JSON object" if is_json(body) else "the body is not valid JSON"
