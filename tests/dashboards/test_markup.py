from datetime import UTC, datetime

from dashboards.markup import step_html, told
from dashboards.timeline import Chain, chains
from schemas.observations import AlertDelivered
from tests.dashboards.builders import ACCURACY_ALERT, SECOND_ORDER, V1, about
from tests.dashboards.rows import row_of, rows_of
from tests.dashboards.story import breach, records

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def fix() -> Chain:
    return next(chain for chain in chains(rows_of(records(BEGIN))) if chain.key == SECOND_ORDER)


def test_each_step_shows_its_time_since_the_breach_and_the_query_that_finds_its_row() -> None:
    chain = fix()
    step = next(step for step in chain.steps if step.title.startswith("Promoted"))
    text = step_html(step, chain)
    assert "+154 s" in text
    assert "SELECT * FROM rollouts FINAL WHERE event_id = &#x27;" + step.evidence["event_id"] in text
    assert "partition 0, offset" in text


def test_nested_values_are_told_in_words() -> None:
    chain = fix()
    canary = next(step for step in chain.steps if step.title.startswith("Canary"))
    assert told(canary.evidence)["routes"] == "v1 80\xa0%, v2 canary 20\xa0%"
    gate = next(step for step in chain.steps if step.title.startswith("Gate"))
    assert "recent: 91\xa0% of 100, incumbent 62\xa0%" in told(gate.evidence)["gate"]
    assert "near_duplicate 57" in told(gate.evidence)["lineage"]


def test_nothing_in_a_row_can_become_markup() -> None:
    record = AlertDelivered(
        **about(BEGIN, 262, V1, "hostile"),
        alert_id=ACCURACY_ALERT,
        alert_state="firing",
        subscription="<script>alert(1)</script>",
        channel="webhook",
        attempts=1,
        delivered=True,
    )
    chain = chains(rows_of([*breach(BEGIN), record]))[0]
    assert "<script>" not in "".join(step_html(step, chain) for step in chain.steps)


def test_empty_fields_and_places_are_left_out_of_the_telling() -> None:
    words = told(row_of(next(iter(breach(BEGIN)))))
    assert "tenant" not in words
    assert "topic_id" not in words
    assert words["breached_at"] == "2026-01-31 12:04:10 UTC"
