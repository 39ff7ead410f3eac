"""The real exporters of OpenLLMetry and OpenInference against a collector: `make test-exporters`.

Not found by `make test`: it needs the packages of tests/exporters/requirements.txt, in an environment whose
python EXPORTERS_PYTHON names.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from schemas.configuration import App, Configuration
from schemas.inference import InferenceResponded
from schemas.record import Record
from schemas.settings import Settings, port_variable
from services.clients.bus.tail import Tail
from services.collector.application import Collector, application_of
from services.collector.application import Limits as CollectorLimits
from services.collector.otlp.over_grpc import traces_over_grpc
from services.gateway.application import Edges, Gateway, Limits
from services.gateway.application import application_of as gateway_of
from services.parts.spool.delivery import Delivery
from tests.exporters.capture import CALLS, INSTRUMENTATIONS
from tests.exporters.stub import UPSTREAM
from tests.exporters.told import KINDS, TELLING, assert_told
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.services.collector.conftest import APP, Collecting, away, spooled

PYTHON = os.environ["EXPORTERS_PYTHON"]


def nothing_known() -> Tail:
    """The rollouts' log of a broker that is away."""
    away()


@contextmanager
def collector(folder: Path, gateway: str) -> Iterator[Collecting]:
    """A collector at both doors that knows where clients reach the gateway."""
    port = free_port()
    variables = {
        "DRIFTLOOP_DATA": str(folder),
        port_variable("otlp_grpc"): str(port),
        "DRIFTLOOP_GATEWAY_URL": gateway,
    }
    settings = Settings.from_environment(variables)
    made = Collector(settings, Configuration(apps=(APP,)), producer=away, limits=CollectorLimits())
    over_grpc = partial(traces_over_grpc, made.exported, settings, message_bytes=2**24)
    with Served(application_of(made, lambda _: over_grpc())) as served:
        yield Collecting(served.url, folder, f"http://127.0.0.1:{port}")


def call(instrumentations: str, protocol: str, target: str, base_url: str) -> None:
    """Have the instrumented client make its calls."""
    command = [PYTHON, str(CALLS), instrumentations, protocol, target, base_url, APP.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Failed to export" not in done.stderr


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("instrumentations", INSTRUMENTATIONS)
def test_every_field_that_an_exporter_tells_is_stored(tmp_path: Path, instrumentations: str, protocol: str) -> None:
    with Served(UPSTREAM) as upstream, collector(tmp_path, "http://127.0.0.1:1") as collecting:
        target = collecting.grpc if protocol == "grpc" else collecting.url
        call(instrumentations, protocol, target, f"{upstream.url}/v1")
        assert_told(collecting.records(), TELLING[instrumentations])


@pytest.mark.parametrize("instrumentations", INSTRUMENTATIONS)
def test_a_call_through_the_gateway_that_its_client_exports_too_is_one_call(
    tmp_path: Path, instrumentations: str
) -> None:
    with (
        Served(UPSTREAM) as upstream,
        through_gateway(tmp_path / "gateway", upstream.url) as gateway,
        collector(tmp_path, gateway) as collecting,
    ):
        call(instrumentations, "grpc", collecting.grpc, f"{gateway}/v1")
        answered = [r for r in spooled(tmp_path / "gateway" / "gateway") if isinstance(r, InferenceResponded)]
        assert sorted(record.prompt for record in answered) == sorted(KINDS)
        assert {prompt_of(record) for record in collecting.records()} <= untold_by(instrumentations)


def untold_by(instrumentations: str) -> set[str]:
    """A failed call has no answer's id, and OpenInference does not tell where it went."""
    return {"failed"} if "openinference" in instrumentations else set()


def prompt_of(record: Record) -> str:
    return str(getattr(record, "prompt", ""))


@contextmanager
def through_gateway(folder: Path, upstream: str) -> Iterator[str]:
    """A gateway in front of an upstream; yields its address."""
    app = App(name=APP.name, base_model=APP.base_model, upstreams=(upstream,))
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(folder)})
    edges = Edges(Delivery(away), nothing_known)
    made = Gateway(settings, Configuration(apps=(app,)), edges=edges, limits=Limits(routes_wait_s=0.0))
    with Served(gateway_of(made)) as served:
        yield served.url
