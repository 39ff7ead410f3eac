"""Personal data by patterns: found, counted, masked, never looked up in the network."""

import socket
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorers import pii


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("write to jane.doe@example.com please", "EMAIL_ADDRESS"),
        ("call (415) 555-2671 now", "PHONE_NUMBER"),
        ("card 4111 1111 1111 1111", "CREDIT_CARD"),
        ("transfer to DE89 3704 0044 0532 0130 00", "IBAN_CODE"),
        ("the host 10.20.30.40 is down", "IP_ADDRESS"),
        ("ssn 536-90-4399", "US_SSN"),
    ],
)
def test_each_pattern_is_found_and_masked(text: str, entity: str) -> None:
    masked, count = pii.mask(text)

    assert count == pii.count_entities(text) == 1
    assert f"<{entity}>" in masked


@pytest.mark.parametrize("text", ["", "How do I bake bread?", "12 eggs, 500 g flour, 2024", "jane@nowhere.notatld"])
def test_ordinary_texts_hold_nothing_personal(text: str) -> None:
    assert pii.mask(text) == (text, 0)


def test_overlapping_finds_are_one_entity() -> None:
    text = "card 4111111111111111"

    assert [span.entity for span in pii.find_entities(text)] == ["CREDIT_CARD"]


def test_entities_past_the_first_piece_keep_their_place() -> None:
    text = "word " * 5_000 + "jane@example.com"

    assert pii.mask(text) == ("word " * 5_000 + "<EMAIL_ADDRESS>", 1)


def test_no_look_up_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a network look-up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert pii.count_entities("a.b@another-example.co.uk") == 1


def test_modules_hidden_from_the_import_are_back_afterwards() -> None:
    pii.count_entities("a@example.com")

    assert all(sys.modules.get(name, sys) is not None for name in ("torch", "transformers"))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_masking_leaves_nothing_to_mask_but_its_own_marks(text: str) -> None:
    masked, count = pii.mask(text)

    assert (count == 0) == (masked == text)
