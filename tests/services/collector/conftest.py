"""A collector on a free port whose broker is away, and a look into its spool."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from schemas.codec import decode
from schemas.configuration import App, Configuration, Price
from schemas.record import Record
from schemas.settings import Settings, WhenFull
from services.clients.bus.errors import BrokerDown
from services.clients.bus.producer import Producer
from services.collector.application import Collector, Limits, application_of
from services.collector.otlp.over_grpc import Admit, traces_over_grpc
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


Start = Callable[..., Collecting]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start collectors; they stop after the test. One that is told whom to `admit` serves gRPC, too."""
    with ExitStack() as stack:

        def run(
            when_full: WhenFull = "block",
            producer: Callable[[], Producer] = away,
            admit: Admit | None = None,
            **limits: float,
        ) -> Collecting:
            port = free_port()
            variables = {"DATA": str(tmp_path), "COLLECTOR_WHEN_FULL": when_full, "OTLP_GRPC_PORT": str(port)}
            settings = Settings.from_environment({f"DRIFTLOOP_{name}": value for name, value in variables.items()})
            bounds = Limits(**limits)  # type: ignore[arg-type]  # each keyword is one of its fields
            collector = Collector(settings, Configuration(apps=(APP,)), producer=producer, limits=bounds)
            over_grpc = (
                [traces_over_grpc(collector.exported, settings, message_bytes=bounds.body_bytes, admit=admit)]
                if admit
                else []
            )
            application = application_of(collector, *over_grpc)
            return Collecting(stack.enter_context(Served(application)).url, tmp_path, f"127.0.0.1:{port}")

        yield run
