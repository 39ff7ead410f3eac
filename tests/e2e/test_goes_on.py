"""kill -9 of everything under traffic, then `up` again on the same folder: it goes on where it was.

And nowhere in what a run leaves, files, topics and tables, stands a credential.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from services.clients.warehouse.client import Warehouse, WarehouseError
from services.commands.replay.command import replay
from tests.bench.footprint import maps_torch
from tests.fixtures.http import Served
from tests.fixtures.leaks import places_of
from tests.fixtures.up import Up
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.echo import BASE_MODEL, Echo

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif("os.environ.get('DRIFTLOOP_BROKER') == 'light'", reason="the light broker forgets its log"),
]

CONFIGURATION = """
apps:
  - name: bot
    base_model: {base}
    upstreams: ["{upstream}"]
    upstream_key_env: UPSTREAM_KEY
    upstream_headers: {{x-account: {account}}}
windows: {{length: 2s, lateness: 1s}}
monitors:
  - {{name: answers-fail, app: bot, metric: error.ratio, window: 4s, above: 0.05, then: [alert]}}
"""


UPSTREAM_KEY, ACCOUNT, CLIENT_KEY = (f"sk-{kind}-0123456789abcdef" for kind in ("upstream", "account", "client"))


class Caller(threading.Thread):
    """Calls and judges one answer after the other, every fifth call a failing one, until told to stop."""

    def __init__(self, gateway: str) -> None:
        super().__init__(name="caller", daemon=True)
        self._url = gateway
        self.ending = threading.Event()
        self.answered: list[str] = []
        self.judged: list[str] = []

    def run(self) -> None:
        told = {"authorization": f"Bearer {CLIENT_KEY}"}
        with httpx.Client(base_url=self._url, timeout=30, trust_env=False, headers=told) as client:
            number = 0
            while not self.ending.wait(0.02):
                number += 1
                try:
                    self._call(client, number)
                except httpx.TransportError:  # the gateway was killed: this call has no answer
                    return

    def _call(self, client: httpx.Client, number: int) -> None:
        text = "status:503" if number % 5 == 0 else f"question {number}"
        answer = client.post(
            "/v1/chat/completions", json={"model": "bot", "messages": [{"role": "user", "content": text}]}
        )
        if answer.status_code != 200:
            return
        self.answered.append(answer.json()["id"])
        judgement = {"app": "bot", "request_id": self.answered[-1], "score": 1}
        if client.post("/v1/feedback", json=judgement).is_success:
            self.judged.append(self.answered[-1])


@contextmanager
def calling(up: Up) -> Iterator[Caller]:
    """Wait until a stack is well, then call through its gateway until the context ends."""
    up.wait_healthy(2 * PATIENCE_S)
    caller = Caller(up.settings.url("gateway"))
    caller.start()
    yield caller
    caller.ending.set()
    caller.join(60)


def stored(up: Up, table: str) -> set[str]:
    """Return the ids of the calls whose answers, or judgements, can be queried."""
    try:
        with Warehouse.connect(up.settings) as warehouse:
            return {str(row["request_id"]) for row in warehouse.query(f"SELECT request_id FROM {table} FINAL")}
    except WarehouseError:
        return set()


def alerts(up: Up) -> int:
    """Return how many changes of alerts can be queried."""
    with Warehouse.connect(up.settings) as warehouse:
        return len(warehouse.query("SELECT event_id FROM alerts FINAL"))


def kill_everything(up: Up) -> None:
    """Kill `up` without warning, and return when nothing that it started is left."""
    processes = [psutil.Process(pid) for pid in up.pids.values()]
    os.kill(up.pids["up"], signal.SIGKILL)
    until(lambda: not any(is_alive(process) for process in processes))


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one whose status nobody has asked for does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_after_everything_was_killed_up_goes_on_and_has_every_event_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Served(Echo().application) as upstream:
        configuration = CONFIGURATION.format(base=BASE_MODEL, upstream=upstream.url, account=ACCOUNT)
        monkeypatch.setenv("UPSTREAM_KEY", UPSTREAM_KEY)
        with Up(tmp_path, configuration) as first, calling(first) as before:
            until(lambda: len(before.judged) > 100 and bool(stored(first, "feedback")) and alerts(first) > 0)
            kill_everything(first)
        second = Up(tmp_path, configuration, first.ports)
        (tmp_path / "nothing").mkdir()
        second.environment["PATH"] = str(tmp_path / "nothing")  # no Java, no Maven, no Docker
        with second:
            with calling(second) as after:
                assert "model_server" not in second.pids
                assert maps_torch(second.pids.values()) == []
                until(lambda: len(after.judged) > 100)
            answered, judged = {*before.answered, *after.answered}, {*before.judged, *after.judged}
            until(lambda: stored(second, "responses") >= answered and stored(second, "feedback") >= judged)
            for name, value in second.environment.items():
                monkeypatch.setenv(name, value)
            verdict = replay(second.settings, {}, keep=False)
            places = {
                text: places_of(text, second.settings) for text in (UPSTREAM_KEY, ACCOUNT, CLIENT_KEY, "question 7")
            }
    assert {"topic inference.responded.v1", "table responses"} < places.pop("question 7")
    assert not any(places.values()), "a credential stands in " + str(places)
    assert {account.rows > 0 for account in verdict.accounts if account.kind != "drift"} == {True}
    assert verdict.identical, "\n".join(map(str, (*verdict.accounts, *verdict.differences)))
