import json
from datetime import UTC, datetime

import pytest

from schemas.configuration import App, Configuration
from services.control.orders import (
    BadOrder,
    Stamp,
    adapter_proposed,
    approval_ordered,
    identity_of,
    retraining_requested,
    rollout_ordered,
)

CONFIGURATION = Configuration(apps=(App(name="prompt-guard", base_model="tiny"),))
STAMP = Stamp("event-1", "order-1", datetime(2026, 1, 31, tzinfo=UTC))
ROLLOUT = {"app": "prompt-guard", "adapter_version": "prompt-guard-v2", "action": "start", "ordered_by": "ada"}


def _bytes(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_a_rollout_order_becomes_its_record() -> None:
    record = rollout_ordered(_bytes(**ROLLOUT, override_gate=True, reason="demo"), CONFIGURATION, STAMP)
    assert (record.adapter_version, record.action, record.ordered_by, record.override_gate, record.reason) == (
        "prompt-guard-v2", "start", "ada", True, "demo",
    )  # fmt: skip
    assert record.model == "tiny"
    assert identity_of(record) == {"event_id": "event-1", "order_id": "order-1"}


@pytest.mark.parametrize("back_to", ["prompt-guard-v1", "", None])
def test_a_return_names_the_version_that_comes_back_and_none_is_the_one_before(back_to: str | None) -> None:
    body = _bytes(app="prompt-guard", action="roll_back", ordered_by="ada", back_to=back_to)
    record = rollout_ordered(body, CONFIGURATION, STAMP)
    assert (record.action, record.adapter_version, record.back_to) == ("roll_back", "", back_to)


def test_a_promotion_becomes_its_record() -> None:
    record = rollout_ordered(_bytes(**{**ROLLOUT, "action": "promote"}), CONFIGURATION, STAMP)
    assert (record.action, record.adapter_version) == ("promote", "prompt-guard-v2")


def test_a_proposal_becomes_its_record() -> None:
    body = _bytes(app="prompt-guard", artifact_uri="/adapters/x", proposed_by="ada")
    record = adapter_proposed(body, CONFIGURATION, STAMP)
    assert (record.artifact_uri, record.proposed_by, record.proposal_id) == ("/adapters/x", "ada", "order-1")


def test_a_retraining_order_becomes_its_record_without_an_alert() -> None:
    record = retraining_requested(_bytes(app="prompt-guard", requested_by="ada"), CONFIGURATION, STAMP)
    assert (record.requested_by, record.alert_id, record.retraining_id) == ("ada", "", "order-1")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "Expected `object`"),
        (_bytes(**{**ROLLOUT, "action": "launch"}), "action"),
        (_bytes(**ROLLOUT, overide_gate=True), "overide_gate"),
        (_bytes(app="prompt-guard", action="start", ordered_by="ada"), "adapter_version"),
        (
            _bytes(app="prompt-guard", action="promote", ordered_by="ada"),
            "adapter_version: name the version to promote",
        ),
        (_bytes(**ROLLOUT, back_to="prompt-guard-v1"), "back_to: only for a roll_back"),
        (_bytes(**{**ROLLOUT, "action": "roll_back"}, back_to="prompt-guard-v1"), "leave out adapter_version"),
        (_bytes(**{**ROLLOUT, "app": "promt-guard"}), "did you mean 'prompt-guard'"),
        (_bytes(**{**ROLLOUT, "action": "roll_back"}, override_gate=True), "only a start"),
    ],
)
def test_a_bad_order_is_explained_in_one_line(body: bytes, said: str) -> None:
    with pytest.raises(BadOrder, match=said) as caught:
        rollout_ordered(body, CONFIGURATION, STAMP)
    assert "\n" not in str(caught.value)


APPROVAL = {"app": "prompt-guard", "adapter_version": "v2", "decided_by": "ada", "reason": "read it"}


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_a_word_on_a_version_becomes_an_order_with_who_and_why(decision: str) -> None:
    record = approval_ordered(_bytes(**APPROVAL, decision=decision), CONFIGURATION, STAMP)
    assert (record.action, record.ordered_by, record.reason, record.adapter_version) == (
        decision, "ada", "read it", "v2",
    )  # fmt: skip
    assert record.model == "tiny"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (_bytes(**{**APPROVAL, "reason": ""}, decision="approve"), "reason"),
        (_bytes(**APPROVAL, decision="start"), "decision"),
        (_bytes(**APPROVAL), "decision"),
        (_bytes(**{**APPROVAL, "app": "promt-guard"}, decision="refuse"), "did you mean 'prompt-guard'"),
    ],
)
def test_a_word_without_a_reason_or_of_another_kind_is_no_word(body: bytes, said: str) -> None:
    with pytest.raises(BadOrder, match=said):
        approval_ordered(body, CONFIGURATION, STAMP)
