"""Sixty planted kinds through gateway, broker and sink alone, without the rest of a stack: none is stored anywhere."""

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from schemas.configuration import App, Configuration
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
from services.gateway.application import Edges, Gateway, Limits, application_of
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.leaks import places_of_each
from tests.fixtures.planted import FORMS, planted
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.echo import BASE_MODEL, Echo
from tests.services.sink.test_delivery import delivering

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]
PLAIN = "the word that is not private"


def test_no_planted_value_is_on_the_log_in_a_table_or_in_a_file(
    broker: Broker, warehouse_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {**warehouse_environment, **broker.environment, "DRIFTLOOP_DATA": str(tmp_path / "data")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)  # the process that delivers reads them
    settings = Settings.from_environment(variables)
    values = planted(13)
    with ExitStack() as stack:
        upstream = stack.enter_context(Served(Echo().application))
        app = App(name="bot", base_model=BASE_MODEL, upstreams=(upstream.url,))
        gateway = Gateway(
            settings, Configuration(apps=(app,)), edges=Edges.of(settings), limits=Limits(routes_wait_s=0)
        )
        url = stack.enter_context(Served(application_of(gateway))).url
        client = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        for kind in values:
            for form in FORMS:
                text = f"{PLAIN}: {kind.text(form)}"
                body = {"model": "bot", "messages": [{"role": "user", "content": text}]}
                assert client.post("/v1/chat/completions", json=body).status_code == 200
        round_ = stack.enter_context(delivering(settings, "private-chain"))
        wanted = len(values) * len(FORMS)

        def stored() -> int:
            round_()
            with Warehouse.connect(settings) as warehouse:
                return int(warehouse.query("SELECT count() AS n FROM responses FINAL WHERE app = 'bot'")[0]["n"])

        until(stored, lambda count: count >= wanted, patience_s=2 * PATIENCE_S)
        traces = {trace: value.label for value in values for trace in value.traces()}
        found = places_of_each([*traces, PLAIN], settings)
    assert {"topic inference.responded.v1", "table responses", "table requests"} <= found.pop(PLAIN)
    assert {traces[trace]: places for trace, places in found.items() if places} == {}
