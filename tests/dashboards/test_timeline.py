from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.timeline import Chain, chains
from schemas.learning import Lineage, RolloutState
from schemas.observations import AlertDelivered, DriftMeasured
from tests.dashboards.builders import (
    ACCURACY_ALERT,
    FIRST_ORDER,
    PROPOSAL,
    SECOND_ORDER,
    V1,
    V2,
    about,
    adapter,
    alert,
    change,
    gate_report,
    rollout,
    routing_table,
)
from tests.dashboards.rows import rows_of
from tests.dashboards.story import breach, records, second_version
from tests.dashboards.traffic import traffic

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)
STORY = records(BEGIN)


def told(until: float = 1000) -> tuple[Chain, ...]:
    """Return the chains of the story up to a second of it."""
    end = BEGIN + timedelta(seconds=until)
    return chains(rows_of(r for r in STORY if r.occurred_at <= end))


def chain_of(found: tuple[Chain, ...], key: str) -> Chain:
    return next(chain for chain in found if chain.key == key)


def test_the_story_is_told_as_four_chains_newest_first() -> None:
    found = told()
    assert [chain.outcome.verdict for chain in found] == [
        "Rolled back: prompt-guard-v3",
        "Promoted: prompt-guard-v2",
        "Resolved: prompts-drift",
        "Promoted: prompt-guard-v1",
    ]


def test_titles_say_the_outcome_and_how_long_it_took() -> None:
    titles = [chain.outcome.title for chain in told()]
    assert titles == [
        "prompt-guard-v3 taken back after 12 s at 20\xa0%",
        "prompt-guard-v2 served 154 s after the breach",
        "prompts-drift on prompt-guard-v1 resolved after 170 s",
        "prompt-guard-v1 served 73 s after it was ordered",
    ]


def test_the_chain_of_the_fix_holds_every_step_from_breach_to_recovery_in_order() -> None:
    steps = chain_of(told(), SECOND_ORDER).steps
    assert [step.title for step in steps] == [
        "Breach: accuracy-drop",
        "Alert firing: accuracy-drop",
        "Retraining ordered",
        "Alert delivered",
        "Alert delivered",
        "Data curated",
        "Training",
        "Compared with the incumbent",
        "Gate passed: prompt-guard-v2",
        "Loading on every replica: prompt-guard-v2",
        "Shadow: prompt-guard-v2",
        "Canary at 20\xa0%: prompt-guard-v2",
        "Canary at 50\xa0%: prompt-guard-v2",
        "Promoted: prompt-guard-v2",
        "Alert resolved: accuracy-drop",
    ]


def test_the_fix_is_timed_from_the_breach_and_only_a_fix_is() -> None:
    fixes = {chain.key: chain.outcome.fixed_after for chain in told()}
    assert fixes[SECOND_ORDER] == timedelta(seconds=154)
    assert [key for key, after in fixes.items() if after] == [SECOND_ORDER]


def test_a_silent_series_resolves_its_alert_without_a_made_up_value() -> None:
    last = chain_of(told(), SECOND_ORDER).steps[-1]
    assert (last.title, last.detail) == ("Alert resolved: accuracy-drop", "prompt-guard-v1 answers no more")


def test_drift_measured_around_the_breach_on_the_same_version_begins_the_story() -> None:
    found = chains(rows_of([*STORY, *(r for r in traffic(BEGIN) if isinstance(r, DriftMeasured))]))
    first = chain_of(found, SECOND_ORDER).steps[0]
    assert first.title == "Drift measured"
    assert first.at == BEGIN + timedelta(seconds=250)


@pytest.mark.parametrize(
    ("second", "verdict", "title"),
    [
        (260, "In progress: ordered", "A new version is ordered"),
        (262, "In progress: curating", "prompt-guard-v2 in the making: curating"),
        (310, "In progress: training", "prompt-guard-v2 in the making: training, step 40 of 100"),
        (368, "In progress: waiting", "prompt-guard-v2 passed the gate and waits for its rollout"),
        (371, "In progress: shadow", "prompt-guard-v2 is in shadow"),
        (394, "In progress: canary at 50\xa0%", "prompt-guard-v2 is in canary at 50\xa0%"),
    ],
)
def test_a_chain_under_way_says_where_it_stands(second: float, verdict: str, title: str) -> None:
    outcome = chain_of(told(until=second), SECOND_ORDER).outcome
    assert (outcome.verdict, outcome.title, outcome.open) == (verdict, title, True)


def test_a_proposal_under_way_is_told_before_its_gate() -> None:
    assert chain_of(told(until=475), PROPOSAL).outcome.verdict == "In progress: evaluating"


def test_a_version_that_the_gate_refused_stays_refused_until_it_is_forced() -> None:
    outcome = chain_of(told(until=488), PROPOSAL).outcome
    assert (outcome.verdict, outcome.title) == ("Refused: prompt-guard-v3", "prompt-guard-v3 refused by the gate")


def test_an_alert_that_ordered_nothing_is_a_chain_of_its_own() -> None:
    chain = chains(rows_of([alert(BEGIN, 260, "prompts-drift", "firing", 1.08)]))[0]
    assert not chain.of_version
    assert chain.outcome.verdict == "Firing: prompts-drift"
    assert chain.outcome.title == "drift.prompt_distance.psi of prompt-guard-v1 is 1.08"
    assert [step.title for step in chain.steps] == ["Breach: prompts-drift", "Alert firing: prompts-drift"]


def test_a_refused_order_does_not_hide_that_a_version_is_served() -> None:
    again = rollout(
        BEGIN, 450, V2, RolloutState.REFUSED, sequence=9, routes=(), reason="already served or on its way", by="eve"
    )
    assert chain_of(chains(rows_of([*STORY, again])), SECOND_ORDER).outcome.verdict == "Promoted: prompt-guard-v2"


def test_a_served_version_taken_back_later_says_so() -> None:
    back = rollout(BEGIN, 464, V2, RolloutState.ROLLED_BACK, sequence=9, routes=(), reason="ordered by eve", by="eve")
    outcome = chain_of(chains(rows_of([*STORY, back])), SECOND_ORDER).outcome
    assert outcome.title == "prompt-guard-v2 taken back 60 s after its promotion"
    assert outcome.fixed_after is None


def test_a_version_whose_order_is_out_of_sight_is_still_told() -> None:
    lone = [adapter(BEGIN, 368, V2, gate_report(True, ((91, 62), None)), job_id="job-9", lineage=Lineage())]
    served = rollout(BEGIN, 404, V2, RolloutState.PROMOTED, sequence=1, routes=(), reason="")
    assert chains(rows_of([*lone, served]))[0].outcome.title == "prompt-guard-v2 served 36 s after its gate"


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("failed", "Failed: training"), ("declined", "Declined"), ("finished", "In progress: finished")],
)
def test_a_training_that_ends_without_a_version_is_told(state: str, verdict: str) -> None:
    end = change(BEGIN, 270, V2, state, retraining_id=SECOND_ORDER, job_id="job-2", detail="cooldown")
    assert chain_of(chains(rows_of([*breach(BEGIN), end])), SECOND_ORDER).outcome.verdict == verdict


def test_a_delivery_that_was_given_up_is_told_as_bad() -> None:
    lost = AlertDelivered(
        **about(BEGIN, 290, V1, "lost"),
        alert_id=ACCURACY_ALERT,
        alert_state="firing",
        subscription="on-call",
        channel="webhook",
        attempts=8,
        delivered=False,
        error="connection refused",
    )
    steps = chain_of(chains(rows_of([*breach(BEGIN), lost])), SECOND_ORDER).steps
    assert steps[-1].tone == "bad"
    assert steps[-1].detail.endswith("given up after 8 attempts: connection refused")


def test_nothing_is_told_of_nothing() -> None:
    assert chains(rows_of([])) == ()


@given(st.lists(st.sampled_from(range(len(STORY))), unique=True))
def test_whatever_rows_there_are_steps_are_in_order_and_every_row_is_told_at_most_once(kept: list[int]) -> None:
    found = chains(rows_of(STORY[place] for place in kept))
    for chain in found:
        assert [step.at for step in chain.steps] == sorted(step.at for step in chain.steps)
    proofs = [(step.evidence["event_id"], step.title) for chain in found for step in chain.steps]
    assert len(proofs) == len(set(proofs))


def test_first_order_is_keyed_by_its_id() -> None:
    assert chain_of(told(), FIRST_ORDER).origin == BEGIN + timedelta(seconds=5)


def test_a_canary_of_two_steps_taken_back_names_the_most_that_users_saw() -> None:
    kept = [r for r in second_version(BEGIN) if r.occurred_at < BEGIN + timedelta(seconds=400)]
    routes = routing_table(RolloutState.ROLLED_BACK, V1, V2, 0.0)
    back = rollout(BEGIN, 402, V2, RolloutState.ROLLED_BACK, sequence=7, routes=routes, reason="worse")
    found = chains(rows_of([*breach(BEGIN), *kept, back]))
    assert chain_of(found, SECOND_ORDER).outcome.title == "prompt-guard-v2 taken back after 20 s at up to 50\xa0%"
