"""Checksums by our own arithmetic agree with python-stdnum's."""

import random
from collections.abc import Callable

import pytest

from services.privacy.detector import Detector
from services.privacy.patterns import checksums, weights

PAIRS: dict[str, tuple[Callable[[str], bool], int]] = {
    "gb.nhs": (weights.health_service, 10),
    "de.idnr": (weights.tax_identity, 11),
    "pl.pesel": (weights.pesel, 11),
    "br.cpf": (weights.cpf, 11),
    "in_.aadhaar": (weights.aadhaar, 12),
    "ca.sin": (weights.social_insurance, 9),
    "au.tfn": (weights.tax_file, 9),
    "no.fodselsnummer": (weights.birth_number, 11),
    "gr.amka": (weights.amka, 11),
    "ee.ik": (weights.baltic, 11),
    "tr.tckimlik": (weights.kimlik, 11),
    "luhn": (checksums.luhn, 14),
}


@pytest.mark.parametrize("module", PAIRS)
def test_what_the_library_takes_is_taken_and_little_else(module: str) -> None:
    ours, length = PAIRS[module]
    theirs, source = checksums.standard(module), random.Random(5)
    numbers = ["".join(source.choices("0123456789", k=length)) for _ in range(2000)]
    numbers += [f"{source.randint(1, 28):02}{source.randint(1, 12):02}{number[4:]}" for number in numbers]

    taken = {number for number in numbers if theirs(number)}
    assert taken
    assert taken <= {number for number in numbers if ours(number)}
    # Days that the calendar lacks are taken by ours.
    assert sum(map(ours, numbers)) <= len(taken) + 40


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checksums.card, "4111 1111 1111 1111", "4111 1111 1111 1112"),
        (checksums.iban, "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"),
        (checksums.social_security, "536-90-4399", "666-90-4399"),
        (checksums.individual_taxpayer, "912-90-3456", "912-93-3456"),
        (checksums.medicare, "2123 45670 1", "2123 45671 1"),
        (checksums.snils, "112-233-445 95", "112-233-445 96"),
        (checksums.my_number, "1234 5678 9018", "1234 5678 9019"),
        (checksums.hong_kong, "A123456(3)", "A123456(4)"),
        (checksums.singapore, "S1234567D", "S1234567E"),
        (checksums.taiwan, "A123456789", "A123456788"),
        (checksums.base58, "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "1BoatSLRHtKNngkdXEeobR76b53LETtpyU"),
        (checksums.vehicle, "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),
    ],
)
def test_published_examples_pass_and_a_changed_digit_fails(check: Callable[[str], bool], good: str, bad: str) -> None:
    assert check(good)
    assert not check(bad)


def test_a_number_of_a_place_that_no_table_has_is_none_and_breaks_nothing() -> None:
    assert not checksums.standard("cn.ric")("821100199001010009")
    assert Detector().find("id 821100199001010009, write to a@example.com")[-1].kind == "EMAIL"
