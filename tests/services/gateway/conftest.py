"""A gateway on a free port with an echoing upstream, and a look into its spool."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from schemas.codec import decode
from schemas.configuration import App, Configuration, Price
from schemas.learning import RolloutChanged, RolloutState, Route
from schemas.record import Record
from schemas.settings import Settings
from services.clients.bus.errors import BrokerDown
from services.gateway.application import NEEDS, Edges, Gateway, Limits, application_of
from services.gateway.upstreams.sending import Patience
from services.parts.access.guard import guarded
from services.parts.spool.delivery import Delivery
from services.parts.spool.entries import entry_in, payloads_in
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S
from tests.services.gateway.behind import Before, Behind
from tests.services.gateway.canned import Canned
from tests.services.gateway.echo import BASE_MODEL, Echo

APP = "prompt-guard"


def _away() -> NoReturn:
    raise BrokerDown("nowhere")


AWAY = Edges(Delivery(_away), _away)


@dataclass(frozen=True)
class Running:
    """A gateway under test. Its broker is away, so its spool keeps every event."""

    url: str
    data: Path
    echo: Echo
    settings: Settings

    def events(self) -> list[Record]:
        """Everything on the spool, oldest first."""
        found = []
        for segment in sorted((self.data / "gateway" / "spool").glob("*.segment")):
            for payload, _ in payloads_in(segment.read_bytes()):
                entry = entry_in(payload)
                found.append(decode(entry.topic, entry.value, datetime.now(UTC)))
        return found


def settings_for(data: Path, **variables: str) -> Settings:
    """Settings of a deployment in a folder of its own."""
    return Settings.from_environment({"DRIFTLOOP_DATA": str(data), **variables})


def rollout(*routes: Route, sequence: int = 1) -> RolloutChanged:
    """A change that puts these routes in force."""
    return RolloutChanged(
        event_id=f"change-{sequence}",
        occurred_at=datetime.now(UTC),
        app=APP,
        rollout_id="rollout-1",
        state=RolloutState.CANARY,
        sequence=sequence,
        routes=routes,
    )


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start gateways; they stop after the test."""
    with ExitStack() as stack:

        def run(
            *routes: Route,
            models: Sequence[str] = (BASE_MODEL,),
            upstreams: Sequence[str] = (),
            settings: Settings | None = None,
            spool_bytes: int = 1 << 20,
            read_s: float = PATIENCE_S,
            environment: Mapping[str, str] | None = None,
            **app_settings: Any,
        ) -> Running:
            settings = settings or settings_for(tmp_path)
            if routes:
                folder = settings.data / "gateway"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "routes.json").write_bytes(msgspec.json.encode({APP: rollout(*routes)}))
            echo = Echo(models)
            urls = tuple(upstreams) or (stack.enter_context(Served(echo.application)).url,)
            app = App(
                name=APP,
                base_model=BASE_MODEL,
                upstreams=urls,
                **{"labels": ("safe", "unsafe"), "price": Price(input=1, output=2), **app_settings},
            )
            limits = Limits(Patience(PATIENCE_S, read_s), spool_bytes, routes_wait_s=0)
            gateway = Gateway(
                settings, Configuration(apps=(app,)), edges=AWAY, limits=limits, environment=environment or {}
            )
            application = guarded(application_of(gateway), settings, NEEDS, gateway.registry)
            served = stack.enter_context(Served(application, listening=settings.listening))
            return Running(served.url, settings.data, echo, settings)

        yield run


@pytest.fixture
def before(start: Start) -> Iterator[Before]:
    """Put a gateway before a canned upstream."""
    with ExitStack() as stack:

        def run(
            *pieces: bytes | dict[str, Any],
            app: dict[str, Any] | None = None,
            routes: Sequence[Route] = (),
            environment: dict[str, str] | None = None,
            **canned: Any,
        ) -> Behind:
            said = [piece if isinstance(piece, bytes) else json.dumps(piece).encode() for piece in pieces]
            upstream = Canned(said, **canned)
            url = stack.enter_context(Served(upstream)).url
            wishes = {"identities": "as-sent", **(app or {})}
            return Behind(start(*routes, upstreams=[url], environment=environment, **wishes), upstream)

        yield run
