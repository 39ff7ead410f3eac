"""Rounds on a clock of the test's, against real receivers over HTTP that are away, slow down, or come back."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.configuration import Subscription
from services.alerting.measures import Measures
from services.alerting.outbox import Outbox
from services.alerting.receiver import build_application
from services.alerting.receivers import AWAY_AFTER, Receivers
from services.alerting.rounds import Rounds
from services.clients.store.database import open_store
from services.parts.notices.channels import Channels
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.services.alerting.builders import CONSOLE, START, WEBHOOK, alert

DAY_S = 24 * 3600


class Bench:
    """An outbox with its rounds, on a clock that is moved by hand."""

    def __init__(self, store_url: str) -> None:
        self.now: datetime = START
        self._engine = open_store(store_url)
        self._channels = Channels("http://localhost:18501", {"SECRET": "s3cret"})
        self.outbox, self.receivers = Outbox(self._engine), Receivers(self._engine)
        self._rounds = Rounds(self.outbox, self.receivers, self._channels, Measures(), lambda: self.now)

    def round(self, *subscriptions: Subscription, later_s: float = 0) -> None:
        self.now += timedelta(seconds=later_s)
        self._rounds.deliver({subscription.name: subscription for subscription in subscriptions})

    def close(self) -> None:
        self._channels.close()
        self._engine.dispose()


@pytest.fixture
def bench(store_url: str) -> Iterator[Bench]:
    with closing(Bench(store_url)) as made:
        yield made


def _told(file: Path) -> list[tuple[str, str]]:
    """Return alert and state of whatever a receiver kept."""
    posts = [json.loads(line)["body"]["alerts"] for line in file.read_text().splitlines()] if file.exists() else []
    return [(one["annotations"]["alert_id"], one["status"]) for post in posts for one in post]


def test_a_receiver_that_is_away_for_a_day_is_told_each_state_once(bench: Bench, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "alerts.jsonl"
    on_call = replace(WEBHOOK, url=f"http://127.0.0.1:{port}/alerts")
    bench.outbox.put([alert()], [on_call], bench.now)
    for _ in range(DAY_S // 600):
        bench.round(on_call, later_s=595)
    assert bench.outbox.unannounced({}) == []
    bench.outbox.put([alert(state="resolved"), alert("alert-2")], [on_call], bench.now)
    with Served(build_application(file, "s3cret"), port):
        for _ in range(5):
            bench.round(on_call, later_s=400)
    assert sorted(_told(file)) == [("alert-1", "firing"), ("alert-1", "resolved"), ("alert-2", "firing")]


def test_a_receiver_that_stays_away_is_told_of_to_the_others_and_so_is_its_return(bench: Bench, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "kept.jsonl"
    away = replace(WEBHOOK, url=f"http://127.0.0.1:{port}/alerts")
    with Served(build_application(file, "s3cret")) as there:
        other = replace(WEBHOOK, name="team", url=f"{there.url}/alerts", severities=("info",), apps=("another",))
        bench.outbox.put([alert()], [away, other], bench.now)
        bench.round(away, other)
        bench.round(away, other, later_s=AWAY_AFTER.total_seconds() - 1)
        assert _told(file) == []
        for _ in range(3):
            bench.round(away, other, later_s=301)
        assert [state for _, state in _told(file)] == ["firing"]
        with Served(build_application(tmp_path / "away.jsonl", "s3cret"), port):
            for _ in range(3):
                bench.round(away, other, later_s=301)
        assert [state for _, state in _told(file)] == ["firing", "resolved"]
        assert len({alert_id for alert_id, _ in _told(file)}) == 1
    summary = json.loads(file.read_text().splitlines()[0])["body"]["alerts"][0]["annotations"]["summary"]
    assert summary.startswith("the receiver of subscription on-call has taken no alert since 2026-01-31 12:00:00")
    assert _told(tmp_path / "away.jsonl") == [("alert-1", "firing")]
    assert bench.receivers.failing() == {}


def test_ten_thousand_alerts_are_told_once_each_in_few_messages(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    with Served(build_application(file, "s3cret")) as receiver:
        on_call = replace(WEBHOOK, url=f"{receiver.url}/alerts")
        bench.outbox.put([alert(f"alert-{number}") for number in range(10_000)], [on_call], bench.now)
        for _ in range(12):
            bench.round(on_call, later_s=1)
    assert Counter(_told(file)) == {(f"alert-{number}", "firing"): 1 for number in range(10_000)}
    assert len(file.read_text().splitlines()) == 10


def test_a_receiver_that_asks_for_time_gets_it_and_holds_nobody_up(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = list[int]()

    async def answer(_: Request) -> Response:
        asked.append(1)
        return Response(status_code=429, headers={"Retry-After": "120"})

    with Served(Starlette(routes=[Route("/alerts", answer, methods=["POST"])])) as receiver:
        on_call = replace(WEBHOOK, url=f"{receiver.url}/alerts")
        bench.outbox.put([alert(), alert("alert-2")], [on_call, CONSOLE], bench.now)
        bench.round(on_call, CONSOLE)
        assert (len(asked), capsys.readouterr().out.count("ALERT firing")) == (1, 2)
        bench.round(on_call, CONSOLE, later_s=119)
        assert len(asked) == 1
        bench.round(on_call, CONSOLE, later_s=1)
        assert len(asked) == 2


def test_an_alert_that_a_receiver_refuses_does_not_keep_the_others_from_it(bench: Bench) -> None:
    taken = list[str]()

    async def answer(request: Request) -> Response:
        alert_id = (await request.json())["alerts"][0]["annotations"]["alert_id"]
        if alert_id == "alert-1":
            return Response(status_code=400)
        taken.append(alert_id)
        return Response()

    with Served(Starlette(routes=[Route("/alerts", answer, methods=["POST"])])) as receiver:
        on_call = replace(WEBHOOK, url=f"{receiver.url}/alerts")
        bench.outbox.put([alert(), alert("alert-2"), alert("alert-3")], [on_call], bench.now)
        for _ in range(4):
            bench.round(on_call, later_s=2)
    assert sorted(taken) == ["alert-2", "alert-3"]


def test_what_waits_for_a_subscription_that_is_gone_is_given_up_and_its_receiver_forgotten(bench: Bench) -> None:
    gone = replace(WEBHOOK, url=f"http://127.0.0.1:{free_port()}/alerts")
    bench.outbox.put([alert()], [gone], bench.now)
    bench.round(gone)
    bench.round(later_s=2)
    (outcome,) = bench.outbox.unannounced({})
    assert (outcome.delivered, outcome.error) == (False, "the subscription is gone")
    assert bench.receivers.failing() == {}
