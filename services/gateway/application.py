"""The gateway put together: addresses, and the parts behind them in order of start and stop."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.configuration import App, Configuration
from schemas.settings import Settings
from services.bus.producer import Producer
from services.gateway.calls import Parts, answer_chat
from services.gateway.feedback import feedback_events, parse_feedback
from services.gateway.measures import Measures
from services.gateway.mirrors import Mirrors
from services.gateway.recorder import Recorder
from services.gateway.routes import Routes
from services.gateway.upstream import DEFAULT_PATIENCE, Patience, Upstreams
from services.ingress.bodies import body_of
from services.ingress.errors import Refusal, json_answer
from services.ingress.identity import new_event_id
from services.ingress.pseudonyms import pseudonym_key
from services.ingress.serving import ERROR_HANDLERS, health_routes, process_registry
from services.spool.forwarder import Forwarder
from services.spool.measures import SpoolMeasures
from services.spool.spool import DEFAULT_MAX_BYTES, Spool

_MAX_FEEDBACK_BYTES = 4 * 1024 * 1024


class Gateway:
    """The handlers, and the parts while they run."""

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        *,
        patience: Patience = DEFAULT_PATIENCE,
        spool_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        self._settings, self._patience = settings, patience
        self._apps: Mapping[str, App] = {app.name: app for app in configuration.apps}
        self._key = pseudonym_key(settings.data)
        self.registry: CollectorRegistry = process_registry()
        self._measures = Measures(self.registry)
        self._spool = Spool(settings.data / "gateway" / "spool", max_bytes=spool_bytes, policy="drop-oldest")
        self.registry.register(SpoolMeasures(self._spool))
        self._forwarder = Forwarder(self._spool, lambda: Producer(settings, "gateway"))
        self._routes = Routes(settings, settings.data / "gateway")
        self._parts: Parts | None = None

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Start and stop: the routes and the forwarder outlive every call."""
        self._routes.start()
        self._forwarder.start()
        await run_in_threadpool(self._routes.wait_until_known)
        upstreams = Upstreams(tuple(self._apps.values()), self._settings.url("model_server"), self._patience)
        recorder = Recorder(self._spool)
        mirrors = Mirrors(upstreams, recorder, self._measures)
        self._parts = Parts(self._apps, self._key, self._routes, upstreams, recorder, mirrors, self._measures)
        try:
            yield
        finally:
            await mirrors.close()
            await upstreams.close()
            recorder.flush()
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

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions."""
        try:
            return await answer_chat(request, self._running)
        except Refusal:
            self._measures.refused.inc()
            raise

    async def feedback(self, request: Request) -> Response:
        """POST /v1/feedback: one judgement or an array; 202 with their event ids once on the spool."""
        given = parse_feedback(await body_of(request, _MAX_FEEDBACK_BYTES))
        events = feedback_events(given, self._apps, at=datetime.now(UTC), new_id=new_event_id)
        self._running.recorder.keep(*events)
        for event in events:
            self._measures.feedback.labels(event.app).inc()
        return json_answer({"event_ids": [event.event_id for event in events]}, 202)

    async def models(self, _: Request) -> Response:
        """GET /v1/models: the apps, which is what clients name as `model`."""
        models = [
            {"id": app.name, "object": "model", "created": 0, "owned_by": "driftloop", "root": app.base_model}
            for app in self._apps.values()
        ]
        return json_answer({"object": "list", "data": models})

    @property
    def _running(self) -> Parts:
        assert self._parts is not None, "requests are served between start and stop only"
        return self._parts


def build_application(settings: Settings, configuration: Configuration) -> Starlette:
    """Return the ASGI application; nothing starts before its lifespan does."""
    return application_of(Gateway(settings, configuration))


def application_of(gateway: Gateway) -> Starlette:
    """Return the addresses of a gateway."""
    routes = [
        Route("/v1/chat/completions", gateway.chat, methods=["POST"]),
        Route("/v1/models", gateway.models),
        Route("/v1/feedback", gateway.feedback, methods=["POST"]),
        *health_routes(gateway.ready, gateway.registry),
    ]
    return Starlette(routes=routes, exception_handlers=ERROR_HANDLERS, lifespan=gateway.lifespan)
