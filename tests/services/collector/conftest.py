"""A collector on a free port whose broker is away, and a look into its spool."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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
from services.parts.spool.entries import entry_in, payloads_in
from tests.fixtures.http import Served

APP = App(name="prompt-guard", base_model="base", labels=("safe", "unsafe"), price=Price(input=1, output=2))


def _away() -> NoReturn:
    raise BrokerDown("nowhere")


@dataclass(frozen=True)
class Collecting:
    """A collector under test."""

    url: str
    data: Path

    def records(self) -> list[Record]:
        """Everything on the spool, oldest first."""
        found = []
        for segment in sorted((self.data / "collector" / "spool").glob("*.segment")):
            for payload, _ in payloads_in(segment.read_bytes()):
                entry = entry_in(payload)
                found.append(decode(entry.topic, entry.value, datetime.now(UTC)))
        return found


@contextmanager
def collecting(data: Path, port: int | None = None) -> Iterator[Collecting]:
    """Run a collector for longer than a test."""
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(data)})
    collector = Collector(settings, Configuration(apps=(APP,)), producer=_away, limits=Limits())
    with Served(application_of(collector), port) as served:
        yield Collecting(served.url, data)


Start = Callable[..., Collecting]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start collectors; they stop after the test."""
    with ExitStack() as stack:

        def run(when_full: WhenFull = "block", producer: Callable[[], Producer] = _away, **limits: float) -> Collecting:
            variables = {"DRIFTLOOP_DATA": str(tmp_path), "DRIFTLOOP_COLLECTOR_WHEN_FULL": when_full}
            settings = Settings.from_environment(variables)
            bounds = Limits(**limits)  # type: ignore[arg-type]  # each keyword is one of its fields
            collector = Collector(settings, Configuration(apps=(APP,)), producer=producer, limits=bounds)
            return Collecting(stack.enter_context(Served(application_of(collector))).url, tmp_path)

        yield run
