"""The whole chain on real parts: broker, engine, Faust workers, model server, trainer, browser."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.settings import Settings
from schemas.topics import INBOUND
from services.clients.warehouse.client import Warehouse
from services.commands.demo.play import perform
from services.commands.demo.scenario import Scenario
from services.commands.demo.summary import Summary
from services.commands.replay.command import replay
from tests.e2e.browser import text_of_page
from tests.e2e.stack import tiny_scenario, tiny_stack
from tests.fixtures.waiting import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@dataclass(frozen=True, slots=True)
class Performance:
    """A finished performance whose stack is still up."""

    scenario: Scenario
    settings: Settings
    summary: Summary
    told: str


@pytest.fixture(scope="module")
def performance(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Performance]:
    scenario = tiny_scenario()
    with tiny_stack(tmp_path_factory.mktemp("loop"), tiny_model) as (settings, supervisor, narrator, told):
        summary = perform(scenario, settings, supervisor, narrator)
        yield Performance(scenario, settings, summary, told.getvalue())


def test_every_act_meets_its_bar(performance: Performance) -> None:
    assert performance.summary.failures == (), performance.told
    assert performance.summary.passed


def test_every_event_sent_is_stored_or_dead_lettered_once(performance: Performance) -> None:
    events = performance.summary.events
    assert events.sent == events.stored + events.dead_lettered
    assert events.lost == 0


def test_a_malformed_message_on_each_inbound_topic_is_a_dead_letter_with_its_reason(performance: Performance) -> None:
    with Warehouse.connect(performance.settings) as warehouse:
        rows = warehouse.query("SELECT source_topic, reason, value FROM dead_letters FINAL")
    assert {row["source_topic"] for row in rows} == {topic.name for topic in INBOUND}
    assert all(row["reason"] for row in rows)


def test_alert_reached_the_webhook_with_a_valid_signature(performance: Performance) -> None:
    with urllib.request.urlopen(f"{performance.settings.url('receiver')}/alerts", timeout=PATIENCE_S) as response:
        received = json.load(response)
    assert any("accuracy-drop" in json.dumps(alert) for alert in received)


def test_loop_page_shows_the_promotion(performance: Performance) -> None:
    promoted = performance.summary.versions[1]
    text = text_of_page(performance.settings.url("dashboard"), until=f"Promoted: {promoted}")
    assert f"Promoted: {promoted}" in text
    assert "Rolled back" in text


def test_the_log_read_again_gives_the_same_windows_drift_and_alerts(performance: Performance) -> None:
    verdict = replay(performance.settings, {}, keep=False)
    assert all(account.rows for account in verdict.accounts)
    assert verdict.identical, "\n".join(map(str, (*verdict.accounts, *verdict.differences)))


def test_no_log_holds_text_of_a_prompt(performance: Performance) -> None:
    logs = "\n".join(path.read_text() for path in (performance.settings.data / "logs").glob("*.log*"))
    assert "functional" in logs
    prompts = [*performance.scenario.history, *performance.scenario.earlier, *performance.scenario.shifted]
    texts = [prompt.messages[-1]["content"] for prompt in prompts]
    assert [text for text in texts if text in logs] == []
