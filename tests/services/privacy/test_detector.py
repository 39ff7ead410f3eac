"""What is private in a text is found in whatever form it stands there, and nothing else is, in linear time."""

import time
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.privacy import KINDS
from services.privacy.detector import RULES, Detector
from services.privacy.patterns.numbers import NUMBERS, find_numbers
from services.privacy.patterns.reading import Text
from services.privacy.spans import Span, merged
from tests.fixtures.planted import FORMS, Planted, planted

DETECTOR = Detector()
SEEDS = (7, 11, 12, 13)


def masked(text: str, detector: Detector = DETECTOR) -> str:
    for start, end, kind in reversed(detector.find(text)):
        text = f"{text[:start]}[{kind}]{text[end:]}"
    return text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", planted(), ids=lambda value: f"{value.kind}-{value.label}")
def test_a_planted_value_is_found_whole_in_each_form(value: Planted, form: str) -> None:
    text = masked(value.text(form))

    assert [trace for trace in value.traces() if trace in text] == []


def test_at_least_57_of_60_are_called_by_their_kind() -> None:
    right = {
        (seed, value.label)
        for seed in SEEDS
        for value in planted(seed)
        if all(value.kind in {span.kind for span in DETECTOR.find(value.text(form))} for form in FORMS)
    }
    assert min(sum(seed == of for of, _ in right) for seed in SEEDS) >= 57


def test_sixty_kinds_are_planted_in_each_run_and_differ_between_runs() -> None:
    assert len({value.label for value in planted()}) >= 60
    assert len({value.value for seed in SEEDS for value in planted(seed)}) >= 60 * len(SEEDS)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to Jané.Doe+x@mail.example.co.uk please", "EMAIL"),
        ("jane [at] example [dot] com", "EMAIL"),
        ("4111\u00a01111\u00a01111\u00a01111", "CARD"),
        ("４１１１１１１１１１１１１１１１ is wide", "CARD"),
        ("٤١١١١١١١١١١١١١١١ in Arabic figures", "CARD"),
        ("41\u200b11 1111 1111 1111", "CARD"),
        ("jane&#64;example.com", "EMAIL"),
        (r"{\"a\": \"jane\u0040example.com\"}", "EMAIL"),
        ("q=4111+1111+1111+1111", "CARD"),
        ("de89370400440532013000", "IBAN"),
        ("the host 10.20.30.40 is down", "IP_ADDRESS"),
        ("Hauptstraße 5, 10115 Berlin", "POSTAL_ADDRESS"),
        ("12 rue de la Paix, 75002 Paris", "POSTAL_ADDRESS"),
        ("Calle de Alcalá 45, 28014 Madrid", "POSTAL_ADDRESS"),
        ("born on 2 March 1984 in Rome", "DATE_OF_BIRTH"),
        ("Dear Mr. Fitzgerald,", "PERSON"),
        ("my password is hunter2", "PASSWORD"),
        ("Server=db;Database=x;Uid=sa;Pwd=s3cr3t;", "CONNECTION_STRING"),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "CRYPTO_ADDRESS"),
        ("VIN 1M8GDM9AXKP042788", "VIN"),
        ("我的电话是13812345678，请回电", "PHONE"),
        ("メールはjane@example.comです", "EMAIL"),
    ],
)
def test_other_ways_to_write_it_are_found(text: str, kind: str) -> None:
    assert [span.kind for span in DETECTOR.find(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "How do I bake bread?",
        "12 eggs, 500 g flour, 2024",
        "The population grew from 120 000 000 to 123 000 000 between 1990 and 2010.",
        "Version 2.14.3 of 2024-03-02 at 12:30:45 needs Python 3.11 and 8080:80",
        "std::vector<int> a{1, 2, 3}; Foo::bar(); a[::-1]",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8, id 550e8400-e29b-41d4-a716-446655440000",
        "password: must have at least eight letters",
        'password = os.environ["DB_PASSWORD"]; token = get_token()',
        "my password is not working since yesterday",
        "git clone git@github.com:python/cpython.git",
        "call me when you have solved 12 * 34 + 567",
        "127.0.0.1 and ::1 and 0.0.0.0 are nobody's",
        "[EMAIL] and [CARD:1.3f9a0c51d2e47b68] were masked, password: [PASSWORD]",
        "rgb(255, 255, 255) and 1,234,567.89 USD on 03/04/2024 10:30",
        "http://localhost:8080/path@2x.png?x=1",
    ],
)
def test_ordinary_texts_hold_nothing_private(text: str) -> None:
    assert DETECTOR.find(text) == ()


@pytest.mark.parametrize("name", ["jane.doe@example.com", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"])
@pytest.mark.parametrize("before", [19_980, 19_990, 199_990])
def test_a_value_is_found_wherever_it_stands_in_a_long_text(name: str, before: int) -> None:
    start = ("word " * before)[:before]

    assert [DETECTOR.find(f"{start} {name} more")[-1][:2]] == [(before + 1, before + 1 + len(name))]


def test_only_the_kinds_that_are_asked_for_are_found() -> None:
    text = "jane@example.com, 4111 1111 1111 1111, 12 Main Street"

    assert {span.kind for span in DETECTOR.find(text)} == {"EMAIL", "CARD", "POSTAL_ADDRESS"}
    assert [span.kind for span in Detector(["CARD"]).find(text)] == ["CARD"]


def test_every_kind_of_the_catalogue_has_something_that_finds_it() -> None:
    found = {rule.kind for rule in RULES} | {number.kind for number in NUMBERS} | {"POSTAL_ADDRESS"}

    assert found == set(KINDS)


def test_overlapping_finds_leave_no_end_of_either() -> None:
    spans = [Span(0, 5, "PHONE"), Span(3, 9, "CARD"), Span(9, 12, "EMAIL")]

    assert merged(spans) == (Span(0, 9, "CARD"), Span(9, 12, "EMAIL"))


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=300) | st.text(alphabet="0123456789 -+./()@:%\\u40AbcZ=&#;\"'", max_size=300))
@example("%4%40%zz\\u00\\u004a&#64;&#999999;\ud800")
def test_no_text_is_refused_spans_are_in_order_and_what_is_masked_stays_so(text: str) -> None:
    spans = DETECTOR.find(text)

    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert DETECTOR.find(text) == spans


HOSTILE = {
    "digits": "1",
    "digits apart": "1 ",
    "groups": "123 456 789 ",
    "groups of four": "4111 ",
    "letters": "a",
    "capitals": "A ",
    "at signs": "a@",
    "dots": "a.",
    "local part": "a.b-",
    "colons": "a:",
    "hexadecimal": "0f:",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "half keys": "-----BEGIN ",
    "addresses": "http://a:",
    "slashes": "://",
    "names": "password=",
    "quotes": 'token="',
    "servers": "server=a;",
    "titles": "Mr. Aa ",
    "streets": "12 Aaaa ",
    "streets first": "Aa Bbstraße 1 ",
    "tokens": "eyJa.",
    "percent": "%41",
    "backslashes": "\\",
    "unicode": "\\u0031",
    "ibans": "DE89 3704 ",
    "pluses": "1+",
    "born": "born 1/",
    "aws": "aws secret ",
    "bech": "bc1q",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    """Four times the text may take ten times as long, where a quadratic pattern takes sixteen."""

    def seconds(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        least = 9e9
        for _ in range(3):
            started = time.process_time()
            DETECTOR.find(text)
            least = min(least, time.process_time() - started)
        return least

    assert seconds(80_000) < 10 * seconds(20_000) + 0.05


def test_the_folder_has_no_other_dependency_than_contracts_and_checksums() -> None:
    folder = Path(__file__).parents[3] / "services" / "privacy"
    imports = {
        line.split()[1].split(".")[0]
        for file in folder.rglob("*.py")
        for line in file.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert not imports & {"presidio_analyzer", "spacy", "torch", "kafka", "starlette"}


class Asked(Text):
    """Counts how often the surroundings of a place are read."""

    __slots__ = ()
    places: ClassVar[list[int]] = []

    def around(self, start: int, end: int) -> str:
        self.places.append(start)
        return super().around(start, end)


def test_the_surroundings_of_numbers_are_read_only_where_a_word_may_stand_in_them() -> None:
    Asked.places.clear()
    assert [*find_numbers(Asked.of("123 456 789 " * 1000))] == []
    assert Asked.places == []

    named = "my tfn is 123 456 782, " + "123 456 789 " * 1000
    assert next(find_numbers(Asked.of(named))) == Span(10, 21, "AU_TFN")
    assert 0 < len(Asked.places) < 30
