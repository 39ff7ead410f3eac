"""A collector on a free port whose broker is away, and a look into its spool."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
from starlette.applications import Starlette

from schemas.codec import decode
from schemas.configuration import App, Configuration, Price
from schemas.record import Record
from schemas.settings import Keys, Settings, WhenFull
from services.clients.bus.errors import BrokerDown
from services.clients.bus.producer import Producer
from services.collector.application import NEEDS, Collector, Limits, application_of
from services.collector.otlp.over_grpc import traces_over_grpc
from services.parts.access.guard import admitted_otherwise, guarded
from services.parts.spool.entries import entry_in, payloads_in
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port

APP = App(name="prompt-guard", base_model="base", labels=("safe", "unsafe"), price=Price(input=1, output=2))


def away() -> NoReturn:
    """A broker that is away."""
    raise BrokerDown("nowhere")


def spooled(folder: Path) -> list[Record]:
    """Everything on the spool of a process's folder, oldest first."""
    found = []
    for segment in sorted((folder / "spool").glob("*.segment")):
        for payload, _ in payloads_in(segment.read_bytes()):
            entry = entry_in(payload)
            found.append(decode(entry.topic, entry.value, datetime.now(UTC)))
    return found


@dataclass(frozen=True)
class Collecting:
    """A collector under test."""

    url: str
    data: Path
    grpc: str = ""

    def records(self) -> list[Record]:
        """Everything on the spool, oldest first."""
        return spooled(self.data / "collector")


@contextmanager
def collecting(data: Path, port: int | None = None) -> Iterator[Collecting]:
    """Run a collector for longer than a test."""
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(data)})
    collector = Collector(settings, Configuration(apps=(APP,)), producer=away, limits=Limits())
    with Served(application_of(collector), port) as served:
        yield Collecting(served.url, data)


Start = Callable[..., Collecting]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start collectors; they stop after the test. One that is told whom to `admit` serves gRPC, too."""
    with ExitStack() as stack:

        def run(
            when_full: WhenFull = "block",
            producer: Callable[[], Producer] = away,
            keys: Keys = "open",
            over_grpc: bool = False,
            **limits: float,
        ) -> Collecting:
            port = free_port()
            variables = {
                "DRIFTLOOP_DATA": str(tmp_path),
                "DRIFTLOOP_COLLECTOR_WHEN_FULL": when_full,
                "DRIFTLOOP_KEYS": keys,
                "DRIFTLOOP_OTLP_GRPC_PORT": str(port),
            }
            settings = Settings.from_environment(variables)
            bounds = Limits(**limits)  # type: ignore[arg-type]  # each keyword is one of its fields
            collector = Collector(settings, Configuration(apps=(APP,)), producer=producer, limits=bounds)

            def traces(application: Starlette) -> AbstractAsyncContextManager[object]:
                admit = partial(admitted_otherwise, application, needed=NEEDS.of("/v1/traces"))
                return traces_over_grpc(
                    collector.exported,
                    settings,
                    message_bytes=bounds.body_bytes,
                    admit=admit,
                    logs=collector.exported_logs,
                )

            application = application_of(collector, *([traces] if over_grpc else []))
            served = Served(guarded(application, settings, NEEDS, collector.registry))
            return Collecting(stack.enter_context(served).url, tmp_path, f"127.0.0.1:{port}")

        yield run
