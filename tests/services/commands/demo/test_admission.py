"""The demonstration where keys are asked for: its users, its import and its orders come in by a key of its own."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from schemas.access import month_of
from schemas.settings import Settings
from services.clients.store.keys import KeyStore
from services.collector.application import NEEDS as COLLECTOR
from services.commands.demo.admission import own_key
from services.commands.demo.narrator import Narrator
from services.commands.demo.observer import Observer
from services.commands.demo.stage import Sent, Stage
from services.commands.demo.traffic import Traffic
from services.control.application import NEEDS as CONTROL
from services.gateway.application import NEEDS as GATEWAY
from services.parts.access.guard import Needs, guarded
from tests.fixtures.http import Served
from tests.fixtures.waiting import at_least, until
from tests.services.commands.demo.triage.test_users import ATTACK, HARMLESS, Gateway, scenario


def asking(folder: Path, **variables: str) -> Settings:
    return Settings.from_environment({"DRIFTLOOP_DATA": str(folder), "DRIFTLOOP_KEYS": "required", **variables})


async def accept(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"id": "1"}, 202)


def guarded_by(settings: Settings, needs: Needs, application: Starlette) -> Starlette:
    return guarded(application, settings, needs, CollectorRegistry())


def accepting(path: str) -> Starlette:
    return Starlette(routes=[Route(path, accept, methods=["POST"])])


def states(settings: Settings) -> list[str]:
    now = datetime.now(UTC)
    with closing(KeyStore.at(settings.store_url)) as store:
        return [key.state(now) for key in store.exchange({}, month_of(now)).keys.values()]


def test_users_who_call_and_judge_come_in_and_without_the_key_they_do_not(tmp_path: Path) -> None:
    settings = asking(tmp_path)
    with own_key(settings, "triage") as headers:
        gateway = Gateway(HARMLESS.answer)
        with Served(guarded_by(settings, GATEWAY, gateway.application)) as served:
            told: tuple[Callable[..., Traffic], ...] = (partial(Traffic, headers=headers), Traffic)
            came, stayed_out = (users(scenario(ATTACK), served.url) for users in told)
            for users in (came, stayed_out):
                users.start()
                users.play([ATTACK])
            until(lambda: len(gateway.heard), at_least(1))
            until(lambda: stayed_out.ledger.failed, at_least(1))
            accounts = [users.stop() for users in (came, stayed_out)]
    assert [account.failed for account in accounts] == [0, accounts[1].failed]
    assert [bool(account.answered) for account in accounts] == [True, False]


def stage_of(settings: Settings, headers: dict[str, str]) -> Stage:
    nobody = cast(Observer, None)  # neither an import nor an order looks into the warehouse
    idle = Traffic(scenario(ATTACK), "http://127.0.0.1:9")
    sent = Sent(set(), set())
    return Stage(
        scenario(ATTACK), settings, "base", "http://127.0.0.1:9", nobody, idle, Narrator(Console()), sent, headers
    )


def test_history_is_imported_and_orders_are_given_by_it(tmp_path: Path) -> None:
    settings = asking(tmp_path)
    with own_key(settings, "triage") as headers:
        collector = guarded_by(settings, COLLECTOR, accepting("/v1/events"))
        control = guarded_by(settings, CONTROL, accepting("/v1/retrainings"))
        with Served(collector) as collecting, Served(control) as controlling:
            urls = {"DRIFTLOOP_COLLECTOR_URL": collecting.url, "DRIFTLOOP_CONTROL_URL": controlling.url}
            stage = stage_of(asking(tmp_path, **urls), dict(headers))
            stage.import_history([ATTACK])
            assert stage.order("/v1/retrainings", requested_by="demo", reason="r") == {"id": "1"}
            with pytest.raises(RuntimeError, match="control refused"):
                stage_of(stage.settings, {}).order("/v1/retrainings")
    assert len(stage.sent.imported_requests) == 1


def test_the_key_is_good_while_the_demonstration_runs_and_revoked_afterwards(tmp_path: Path) -> None:
    settings = asking(tmp_path / "new")
    with own_key(settings, "triage"):
        assert states(settings) == ["active"]
    assert states(settings) == ["revoked"]


def test_where_everything_is_open_no_key_is_made_and_no_store(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path / "new")})
    with own_key(settings, "triage") as headers:
        assert headers == {}
    assert not (tmp_path / "new").exists()
