"""Personal data as scorers and training see it: counted where it stands or was masked, masked, never looked up."""

import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import App, Privacy
from schemas.inference import InferenceResponded, Message
from schemas.privacy import KINDS, Policy
from services.privacy.policies import Policies
from services.scorers import pii
from services.scorers.adapters.pii import PersonalDataScorer
from services.scorers.adapters.texts import TextSide
from services.scorers.contract import Subject
from tests.stream_processors.observed import response


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("write to jane.doe@example.com please", "EMAIL"),
        ("call (415) 555-2671 now", "PHONE"),
        ("card 4111 1111 1111 1111", "CARD"),
        ("transfer to DE89 3704 0044 0532 0130 00", "IBAN"),
        ("the host 10.20.30.40 is down", "IP_ADDRESS"),
        ("ssn 536-90-4399", "US_SSN"),
    ],
)
def test_each_pattern_is_found_and_masked(text: str, entity: str) -> None:
    masked, count = pii.mask(text)

    assert count == pii.count_entities(text) == 1
    assert f"[{entity}]" in masked


@pytest.mark.parametrize("text", ["", "How do I bake bread?", "12 eggs, 500 g flour, 2024"])
def test_ordinary_texts_hold_nothing_personal(text: str) -> None:
    assert pii.mask(text) == (text, 0)


@pytest.mark.parametrize("value", ["jane.doe@example.com", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"])
def test_a_value_across_the_twenty_thousandth_character_is_masked_whole(value: str) -> None:
    text = f"{'word ' * 3_998}{value} and so on"

    assert pii.mask(text)[0].replace("word ", "").startswith("[")
    assert pii.mask(text)[1] == 1
    assert value[-6:] not in pii.mask(text)[0]


def test_no_look_up_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a network look-up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert pii.count_entities("a.b@another-example.co.uk") == 1


@pytest.mark.parametrize("policy", ["mask", "hash"])
def test_a_text_counts_the_same_masked_as_it_was(tmp_path: Path, policy: str) -> None:
    text = "jane@example.com, 4111 1111 1111 1111 and (415) 555-2671, jane@example.com"
    privacy = Privacy(policy="mask" if policy == "mask" else "hash")
    masked = Policies([App(name="a", base_model="b")], tmp_path).masked(text, privacy)

    assert masked != text
    assert pii.counts_by_kind(masked) == pii.counts_by_kind(text) == {"CARD": 1, "EMAIL": 2, "PHONE": 1}


@settings(deadline=None)
@given(st.text(max_size=200))
def test_what_is_masked_is_counted_by_kinds_of_the_catalogue(text: str) -> None:
    masked, count = pii.mask(text)

    assert (count == 0) == (masked == text)
    assert set(pii.counts_by_kind(text)) <= set(KINDS)


ASKED = "I am jane@example.com, card 4111 1111 1111 1111, not 10.1.2.33"
SAID = "Hello jane@example.com or [EMAIL]"


def counted(call: InferenceResponded, side: TextSide) -> float | None:
    ((score,),) = PersonalDataScorer(side).score([Subject.of(call)])
    return score.value


@pytest.mark.parametrize("policy", ["mask", "hash", "drop-text"])
@pytest.mark.parametrize("kinds", [(), ("EMAIL",), ("CARD", "EMAIL")])
def test_a_call_counts_what_was_found_before_it_was_masked(
    tmp_path: Path, policy: Policy, kinds: tuple[str, ...]
) -> None:
    privacy = Privacy(policy=policy, kinds=kinds)
    call = response(1, prompt=ASKED, answer=SAID)
    masked = Policies([App(name=call.app, base_model="b", privacy=privacy)], tmp_path).applied(call)
    left_out = 3 - len(kinds) if kinds and policy == "drop-text" else 0

    assert masked.prompt != ASKED
    assert counted(masked, "prompt") == 3 - left_out
    assert counted(masked, "response") == 1, "a mark that somebody typed is nobody's data"


def test_a_call_that_nobody_looked_at_is_counted_here() -> None:
    call = response(1, prompt=ASKED, answer=SAID)

    assert (counted(call, "prompt"), counted(call, "response")) == (3, 2)


@pytest.mark.parametrize("policy", ["mask", "drop-text"])
def test_a_text_that_was_not_there_has_no_count(tmp_path: Path, policy: Policy) -> None:
    call = response(1, prompt="x", messages=(), output=Message(role="assistant", content=" "))
    masked = Policies([App(name=call.app, base_model="b", privacy=Privacy(policy=policy))], tmp_path).applied(call)

    assert counted(masked, "prompt") is None
    assert counted(masked, "response") is None or policy == "drop-text"
