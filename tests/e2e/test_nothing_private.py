"""Sixty kinds of personal data and secrets through a whole stack under `mask`: not one is in a file, topic or table.

All four forms, through the gateway and the collector, in prompts, answers and feedback, and in a message that is
produced past both and dies in the sink.
"""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from schemas.topics import FEEDBACK_GIVEN, INFERENCE_RESPONDED
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import Warehouse, WarehouseError
from tests.fixtures.http import Served
from tests.fixtures.leaks import places_of_each
from tests.fixtures.planted import FORMS, Planted, planted
from tests.fixtures.up import Up
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.echo import BASE_MODEL, Echo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

CONFIGURATION = """
apps:
  - name: bot
    base_model: {base}
    upstreams: ["{upstream}"]
    privacy: {{policy: mask}}
  - name: open
    base_model: {base}
    upstreams: ["{upstream}"]
    privacy: {{policy: "off"}}
windows: {{length: 2s, lateness: 1s}}
"""
NEEDED = {"broker", "warehouse", "gateway", "collector", "sink"}
IN_A_LETTER, SEEN = "letter.jane@example.org", "seen.jane@example.org"


def written(upstream: str) -> str:
    """Return driftloop.yaml with an upstream."""
    return CONFIGURATION.format(base=BASE_MODEL, upstream=upstream)


def ask(client: httpx.Client, app: str, text: str) -> str:
    """Call through the gateway and return the answer's id."""
    body = {"model": app, "messages": [{"role": "user", "content": text}]}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == text
    return str(answer.json()["id"])


def tell(up: Up, values: Sequence[Planted]) -> None:
    """Have every value in every form asked, answered, judged and told of by another's instrumentation."""
    lines = []
    with httpx.Client(base_url=up.settings.url("gateway"), timeout=60, trust_env=False) as client:
        for value in values:
            for form in FORMS:
                text = value.text(form)
                judged = {"app": "bot", "request_id": ask(client, "bot", text), "score": 1, "comment": text}
                assert client.post("/v1/feedback", json=judged).is_success
                data = {
                    "app": "bot",
                    "request_id": f"{value.label}-{form}",
                    "messages": [{"role": "user", "content": text}],
                }
                lines.append(json.dumps({"type": INFERENCE_RESPONDED.name, "data": data}))
        ask(client, "open", f"write to {SEEN}")
    headers = {"content-type": "application/x-ndjson"}
    url = f"{up.settings.url('collector')}/v1/events"
    assert httpx.post(url, content="\n".join(lines), headers=headers, timeout=60, trust_env=False).status_code == 202


def produce_past_both(up: Up) -> None:
    """Send what nobody judged on its way, and nobody can take."""
    poison = json.dumps({"app": "bot", "request_id": 7, "comment": f"ask {IN_A_LETTER}"}).encode()
    with closing(Producer(up.settings, "stranger")) as producer:
        producer.send_raw(FEEDBACK_GIVEN.name, poison, key=b"7", headers=[])
        producer.flush()


def healthy(up: Up) -> set[str]:
    """Return which processes are well."""
    return {process.name for process in up.state.processes if process.state == "healthy"} if up.state else set()


def rows(up: Up, table: str) -> int:
    """Return how many rows a table has."""
    try:
        with Warehouse.connect(up.settings) as warehouse:
            return int(warehouse.query(f"SELECT count() AS n FROM {table} FINAL")[0]["n"])
    except WarehouseError:
        return 0


def test_no_planted_value_is_in_any_file_topic_or_table(tmp_path: Path) -> None:
    values = planted(12)
    with Served(Echo().application) as upstream, Up(tmp_path, written(upstream.url)) as up:
        until(lambda: healthy(up) >= NEEDED, patience_s=5 * PATIENCE_S)
        tell(up, values)
        produce_past_both(up)
        count = len(values) * len(FORMS)
        until(lambda: rows(up, "responses") >= 2 * count + 1, patience_s=300)
        until(lambda: rows(up, "feedback") >= count and rows(up, "dead_letters") == 1, patience_s=60)
        traces = {trace: value.label for value in values for trace in value.traces()}
        found = places_of_each([*traces, SEEN, IN_A_LETTER], up.settings)
        with Warehouse.connect(up.settings) as warehouse:
            told = warehouse.query("SELECT private FROM responses FINAL WHERE app = 'bot'")
    kinds = {kind for row in told for kind in json.loads(row["private"])["prompt"]}
    assert {"topic inference.responded.v1", "table responses"} < found.pop(SEEN)
    assert {place for place in found.pop(IN_A_LETTER) if not place.startswith("file")} == {
        f"topic {FEEDBACK_GIVEN.name}"
    }
    leaks = {traces[trace]: places for trace, places in found.items() if places}
    assert not leaks, leaks
    assert len({value.label for value in values if value.kind in kinds}) >= 57
