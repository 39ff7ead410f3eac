"""The gateway put together: addresses, and the parts behind them in order of start and stop."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.configuration import App, Configuration
from schemas.settings import DEFAULT_SPOOL_BYTES, Settings
from schemas.topics import ROLLOUTS_CHANGED
from services.clients.bus.tail import Tail
from services.gateway.calls.answering import Parts
from services.gateway.calls.arrival import Reception
from services.gateway.calls.entrance import Entrance, RecordedSurface
from services.gateway.calls.mirrors import Mirrors
from services.gateway.calls.through import pass_through
from services.gateway.feedback.bodies import parse_feedback
from services.gateway.feedback.events import Giving, feedback_events
from services.gateway.feedback.retries import Retries
from services.gateway.measures import Measures
from services.gateway.recording.aside import Aside
from services.gateway.recording.recorder import Recorder
from services.gateway.routing.routes import Routes
from services.gateway.upstreams.sending import DEFAULT_PATIENCE, Patience, Upstreams, Ways
from services.gateway.wire.surfaces import SURFACES, Surface
from services.parts.access.admitted import admitted_of
from services.parts.access.guard import Needs, guarded
from services.parts.credentials import credentials_of
from services.parts.ingress.bodies import body_of
from services.parts.ingress.errors import Refusal, json_answer
from services.parts.ingress.identity import new_event_id
from services.parts.ingress.pseudonyms import pseudonym_key
from services.parts.ingress.serving import ERROR_HANDLERS, health_routes, process_registry
from services.parts.spool.delivery import Carrier
from services.parts.spool.forwarder import Forwarder
from services.parts.spool.measures import SpoolMeasures
from services.parts.spool.process import ForwardingProcess
from services.parts.spool.spool import Spool
from services.privacy.policies import Policies

NEEDS = Needs(("infer",), {"/v1/feedback": ("feedback",)})
_MAX_FEEDBACK_BYTES = 4 * 1024 * 1024
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
# Ours, and Azure's newer and older ones.
_ADDRESSES = ("/v1/{}", "/openai/v1/{}", "/openai/deployments/{{deployment}}/{}")
# Asking for what is new ten times a second, as others do, holds up a call in a hundred.
_ROLLOUTS_WAIT_MS = 2_000
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Edges:
    """How the gateway reaches the broker: its events on their way there, and what it reads from there.

    Attributes:
        rollouts: May raise BusError and is then tried again.
    """

    carrier: Carrier
    rollouts: Callable[[], Tail]

    @classmethod
    def of(cls, settings: Settings) -> "Edges":
        """Return the edges of a deployment, whose settings are those of this process's environment."""
        rollouts = partial(Tail, settings, [ROLLOUTS_CHANGED.name], wait_ms=_ROLLOUTS_WAIT_MS)
        return cls(ForwardingProcess("gateway"), rollouts)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one gateway.

    Attributes:
        routes_wait_s: How long a start waits for the rollouts' log before it serves by the snapshot.
    """

    patience: Patience = DEFAULT_PATIENCE
    spool_bytes: int = DEFAULT_SPOOL_BYTES
    routes_wait_s: float = 3.0


class Gateway:
    """The handlers, and the parts while they run."""

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        *,
        edges: Edges,
        limits: Limits,
        environment: Mapping[str, str] = _NO_VARIABLES,
    ) -> None:
        self._limits = limits
        self._default_upstream = settings.url("model_server")
        self._apps: Mapping[str, App] = {app.name: app for app in configuration.apps}
        self._credentials = {app.name: credentials_of(app, environment) for app in configuration.apps}
        self._ways = Ways.of(configuration.apps, environment)
        self._passed_bytes = settings.listening.passed_bytes
        self._key = pseudonym_key(settings.data)
        self._reception = Reception(self._apps, self._credentials, self._key)
        self.registry: CollectorRegistry = process_registry()
        self._measures = Measures(self.registry)
        folder = settings.data / "gateway"
        self._spool = Spool(folder / "spool", max_bytes=limits.spool_bytes, policy="drop-oldest")
        self.registry.register(SpoolMeasures(self._spool))
        self._forwarder = Forwarder(self._spool, edges.carrier)
        self._policies, self._data = Policies(configuration.apps, settings.data), settings.data
        self._routes = Routes(edges.rollouts, folder)
        self._retries = Retries()
        self._parts: Parts | None = None

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Start and stop: the routes and the forwarder outlive every call."""
        self._routes.start()
        self._forwarder.start()
        await run_in_threadpool(self._routes.wait_until_known, self._limits.routes_wait_s)
        upstreams = Upstreams(tuple(self._apps.values()), self._default_upstream, self._limits.patience, self._ways)
        aside = Aside(self._apps.values(), self._data)
        recorder = Recorder(self._spool, self._measures.unrecorded.inc, self._policies, aside)
        mirrors = Mirrors(upstreams, recorder, self._measures)
        self._parts = Parts(self._apps, self._routes, upstreams, recorder, mirrors, self._measures, self._passed_bytes)
        try:
            yield
        finally:
            await mirrors.close()
            await upstreams.close()
            await recorder.close()
            self._routes.close()
            await run_in_threadpool(self._forwarder.stop, 1.5)
            self._spool.close()

    def ready(self) -> dict[str, bool]:
        """Return the conditions of readiness. A broker that is away is none: users are answered."""
        return {
            "started": self._parts is not None,
            "forwarder": self._forwarder.alive,
            "routes": self._routes.alive,
        }

    def recorded(self, surface: Surface) -> RecordedSurface:
        """Return what answers POST to a recorded surface."""
        return RecordedSurface(surface, self._reception, lambda: self.running)

    async def through(self, request: Request) -> Response:
        """Every other address under /v1/."""
        try:
            return await pass_through(request, self._reception, self.running)
        except Refusal:
            self._measures.refused.inc()
            raise

    async def feedback(self, request: Request) -> Response:
        """POST /v1/feedback: one judgement or an array; 202 with their event ids once on the spool."""
        given = parse_feedback(await body_of(request, _MAX_FEEDBACK_BYTES))
        retry_key = request.headers.get("idempotency-key", "")
        giving = Giving(admitted_of(request), datetime.now(UTC), retry_key, self._key, new_event_id)
        events = feedback_events(given, self._apps, giving)
        fresh = self._retries.fresh(events)
        await self.running.recorder.keep(*fresh)
        self._retries.note(fresh)
        for event in fresh:
            self._measures.feedback.labels(event.app).inc()
        return json_answer({"event_ids": [event.event_id for event in events]}, 202)

    async def models(self, request: Request) -> Response:
        """GET /v1/models: the apps, which is what clients name as `model`; those that its key is let to."""
        takes = admitted_of(request).takes
        return json_answer({"object": "list", "data": [_model(app) for app in self._apps.values() if takes(app.name)]})

    async def model(self, request: Request) -> Response:
        """GET /v1/models/{name}: one app."""
        return json_answer(_model(self._reception.app_called(request.path_params["name"], admitted_of(request))))

    @property
    def running(self) -> Parts:
        """What calls pass through, between start and stop."""
        assert self._parts is not None, "requests are served between start and stop only"
        return self._parts


def _model(app: App) -> dict[str, object]:
    return {"id": app.name, "object": "model", "created": 0, "owned_by": "driftloop", "root": app.base_model}


def build_application(settings: Settings, configuration: Configuration) -> Starlette:
    """Return the ASGI application; nothing starts before its lifespan does."""
    limits = Limits(spool_bytes=settings.spool_bytes)
    edges = Edges.of(settings)
    gateway = Gateway(settings, configuration, edges=edges, limits=limits, environment=os.environ)
    return guarded(application_of(gateway), settings, NEEDS, gateway.registry)


def application_of(gateway: Gateway) -> Starlette:
    """Return the addresses of a gateway."""
    surfaces = {path.format(surface.path): gateway.recorded(surface) for surface in SURFACES for path in _ADDRESSES}
    routes = [
        *(Route(path, surface, methods=["POST"]) for path, surface in surfaces.items()),
        Route("/v1/models", gateway.models),
        Route("/v1/models/{name:path}", gateway.model),
        Route("/v1/feedback", gateway.feedback, methods=["POST"]),
        *health_routes(gateway.ready, gateway.registry),
        Route("/v1/{path:path}", gateway.through, methods=_METHODS),
        Route("/openai/v1/{path:path}", gateway.through, methods=_METHODS),
    ]
    known = {path: surface for path, surface in surfaces.items() if "{" not in path}
    entrance = Middleware(Entrance, surfaces=known)
    return Starlette(routes=routes, middleware=[entrance], exception_handlers=ERROR_HANDLERS, lifespan=gateway.lifespan)
