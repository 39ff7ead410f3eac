"""Who may order: operators' keys at the control process, over HTTP."""

from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from schemas.configuration import App, Configuration
from schemas.record import Record
from schemas.settings import Settings
from services.clients.bus.producer import Producer
from services.commands.line import app
from services.control.application import build_application
from tests.fixtures.http import Served
from tests.fixtures.keys import bearer, make_key
from tests.fixtures.waiting import PATIENCE_S

CONFIGURATION = Configuration(apps=(App(name="guard", base_model="tiny"), App(name="bot", base_model="tiny")))
ORDER = {"app": "guard", "requested_by": "ada"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """What reaches the bus, which is not what is tried here."""
    records: list[Record] = []
    monkeypatch.setattr(Producer, "send", lambda _, record: records.append(record))
    monkeypatch.setattr(Producer, "flush", lambda *_: None)
    return records


def test_orders_need_a_key_of_their_scope_and_app(tmp_path: Path, sent: list[Record]) -> None:
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path), "DRIFTLOOP_KEYS": "required"})
    keys = {
        "": "",
        "caller": make_key(settings, app="guard"),
        "other": make_key(settings, app="bot", scopes=("operate",)),
        "operator": make_key(settings, scopes=("operate",)),
    }
    statuses = {}
    with Served(build_application(settings, CONFIGURATION)) as control:
        assert httpx.get(f"{control.url}/healthz").status_code == 200
        for name, secret in keys.items():
            headers = bearer(secret) if secret else {}
            answer = httpx.post(f"{control.url}/v1/retrainings", json=ORDER, headers=headers, timeout=PATIENCE_S)
            statuses[name] = answer.status_code
    assert statuses == {"": 401, "caller": 403, "other": 403, "operator": 202}
    assert [record.app for record in sent] == ["guard"]


def test_the_command_line_orders_with_the_key_of_its_environment(tmp_path: Path, sent: list[Record]) -> None:
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path), "DRIFTLOOP_KEYS": "required"})
    secret = make_key(settings, scopes=("operate",))
    order = ["rollout", "start", "guard", "guard-v2"]
    with Served(build_application(settings, CONFIGURATION)) as control:
        environment = {"DRIFTLOOP_CONTROL_URL": control.url}
        without = CliRunner().invoke(app, order, env=environment)
        taken = CliRunner().invoke(app, order, env={**environment, "DRIFTLOOP_KEY": secret})
    assert without.exit_code == 1
    assert without.stderr == ("driftloop: control refused (401): DRIFTLOOP_KEY holds no key of scope operate for it\n")
    assert taken.exit_code == 0
    assert len(sent) == 1
