"""Keys asked for in front of a process's addresses: one call in its `build_application`.

Where keys are not required nothing is put in front, and neither the control store nor its libraries are loaded.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from schemas.access import Scope
from schemas.settings import BadSetting, Settings
from services.parts.access.admitted import EVERYBODY, IN_SCOPE, Admitted
from services.parts.addresses import shown
from services.parts.ingress.errors import error_body, json_answer

if TYPE_CHECKING:
    from services.parts.access.door import Door
    from services.parts.access.ring import KeyRing

Scopes = tuple[Scope, ...]
_EVERYWHERE: Mapping[str, Scopes] = {"/healthz": (), "/metrics": ("read",)}


class NobodyCouldComeIn(BadSetting):
    """Keys are required and there is none, or none can be read. The message is one line with the way out."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Which scopes a process asks for, any of which is enough; none at all is open to everybody.

    Attributes:
        others: Of every path that is not named.
        paths: /healthz and /metrics need not be named.
    """

    others: Scopes
    paths: Mapping[str, Scopes] = field(default_factory=dict)

    def of(self, path: str) -> Scopes:
        """Return the scopes for a path."""
        found = _EVERYWHERE.get(path)
        return self.paths.get(path, self.others) if found is None else found


def guarded(application: Starlette, settings: Settings, needs: Needs, registry: CollectorRegistry) -> Starlette:
    """Return the application with a guard in front where keys are required, and as it is where they are not.

    What comes in by other ways than HTTP asks `admitted_otherwise`.

    Raises:
        NobodyCouldComeIn: There is no key, or the control store can't be read.
    """
    if not settings.keys_required:
        return application
    from services.parts.access.door import Door

    ring = _ring_of(settings)
    door = application.state.door = Door(ring, registry, partial(datetime.now, UTC))
    application.add_middleware(Guard, door=door, needs=needs)
    inner = application.router.lifespan_context
    application.router.lifespan_context = lambda app: _around(inner, ring, app)
    return application


def admitted_otherwise(application: Starlette, told: Mapping[str, str], needed: Scopes) -> Admitted:
    """Return who comes in by another way than HTTP (gRPC), under the same keys as the application's own callers.

    Args:
        told: What stands for headers there, names in lower case.

    Raises:
        Refusal: As over HTTP.
    """
    door: Door | None = getattr(application.state, "door", None)
    if door is None:
        return EVERYBODY
    verdict = door.admit([(name.encode(), value.encode()) for name, value in told.items()], needed)
    if not isinstance(verdict, Admitted):
        raise verdict.refusal
    return verdict


class Guard:
    """Lets requests in that have a key for what they ask, with who came in beside them."""

    def __init__(self, app: ASGIApp, door: "Door", needs: Needs) -> None:
        self._app, self._door, self._needs = app, door, needs

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it as OpenAI would."""
        needed = self._needs.of(connection["path"]) if connection["type"] == "http" else ()
        if needed:
            verdict = self._door.admit(connection["headers"], needed)
            if not isinstance(verdict, Admitted):
                refusal = verdict.refusal
                answer = json_answer(error_body(refusal), refusal.status, refusal.headers)
                return await answer(connection, receive, send)
            connection[IN_SCOPE] = verdict
        return await self._app(connection, receive, send)


def _ring_of(settings: Settings) -> "KeyRing":
    from services.clients.store.keys import KeyStore, StoreAway
    from services.parts.access.ring import KeyRing

    try:
        store = KeyStore.at(settings.store_url)
        ring = KeyRing(store, partial(datetime.now, UTC))
    except StoreAway as error:
        said = (
            f"the keys can't be read from {shown(settings.store_url)} ({error}); start it, or mend DRIFTLOOP_STORE_URL"
        )
        raise NobodyCouldComeIn(said) from error
    if not ring.opens(datetime.now(UTC)):
        store.close()
        raise NobodyCouldComeIn(
            f"{settings.why_keys} and there is no key; make one: driftloop keys create --app guard; "
            "or DRIFTLOOP_KEYS=open behind a proxy that knows its callers"
        )
    return ring


@asynccontextmanager
async def _around(inner: Callable[[Starlette], Any], ring: "KeyRing", app: Starlette) -> AsyncIterator[Any]:
    """Follow the store while the application runs, and tell it afterwards what the last calls used."""
    ring.start()
    try:
        async with inner(app) as state:
            yield state
    finally:
        await run_in_threadpool(ring.close)
