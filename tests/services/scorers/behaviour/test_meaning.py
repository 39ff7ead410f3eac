"""Relevance, coherence, distance and groundedness: near is nearer than far, and what can't be told is not told."""

import numpy as np
import pytest

from schemas.inference import Message
from services.scorers.behaviour.meaning.groundedness import unsupported
from services.scorers.behaviour.meaning.similarity import earlier
from services.scorers.contract import Score, Scorer, Subject
from services.scorers.embedding import Embedder
from services.scorers.remembered import RememberedEmbedder

PASSAGE = (
    "The Ulm Minster is a Lutheran church in Ulm, Germany. Its steeple is 161.53 metres high. "
    "Building began in 1377 under the architect Heinrich Parler, and ended in 1890."
)


def value(scorer: Scorer, subject: Subject, at: int = 0) -> float:
    score = scorer.score([subject])[0][at]
    assert score.value is not None, score.unjudged
    return score.value


def grounded(scorers: dict[str, Scorer], answer: str, prompt: str = "") -> tuple[Score, ...]:
    return scorers["groundedness"].score([Subject(prompt=prompt, answer=answer, contexts=(PASSAGE,))])[0]


def test_an_answer_to_the_question_is_nearer_than_one_to_another(scorers: dict[str, Scorer]) -> None:
    asked = "How do I bake bread with sourdough?"
    near = Subject(prompt=asked, answer="Mix the sourdough starter with flour and water, knead, and bake the bread.")
    far = Subject(prompt=asked, answer="The parliament votes on the new law in spring.")
    assert value(scorers["relevance"], near) > value(scorers["relevance"], far) + 0.2


def test_an_answer_that_goes_on_with_the_talk_is_more_coherent(scorers: dict[str, Scorer]) -> None:
    talk = (
        Message(role="user", content="I'd like to learn to play the piano."),
        Message(role="assistant", content="Start with scales and simple songs on the piano."),
        Message(role="user", content="And then?"),
    )
    on = Subject(prompt="And then?", answer="Then play chords on the piano with both hands.", messages=talk)
    off = Subject(prompt="And then?", answer="The tax office sends a letter.", messages=talk)
    assert value(scorers["coherence"], on) > value(scorers["coherence"], off) + 0.1


def test_the_same_answer_again_is_an_echo(scorers: dict[str, Scorer]) -> None:
    said = "Please tell me your order number."
    talk = (
        Message(role="user", content="Where is my parcel?"),
        Message(role="assistant", content=said),
        Message(role="user", content="It is 12."),
    )
    again = scorers["coherence"].score([Subject(prompt="It is 12.", answer=said, messages=talk)])[0][1]
    new = scorers["coherence"].score([Subject(prompt="It is 12.", answer="It arrives today.", messages=talk)])[0][1]
    assert (again.label, new.label) == ("repeated", "new")


def test_earlier_are_the_turns_with_a_text_before_the_last_question() -> None:
    told = [
        Message(role="system", content="Be kind."),
        Message(role="user", content="a"),
        Message(role="assistant", content=""),
        Message(role="assistant", content="b"),
        Message(role="user", content="c"),
        Message(role="assistant", content="d"),
    ]
    assert [turn.text for turn in earlier(told)] == ["a", "b"]
    assert earlier(told[:2]) == ()


@pytest.mark.parametrize(
    ("answer", "label", "missing"),
    [
        ("The steeple of the Ulm Minster is 161.53 metres high.", "grounded", 0),
        ("Heinrich Parler began to build the church in 1377.", "grounded", 0),
        ("The steeple of the Ulm Minster is 175 metres high.", "grounded", 1),
        ("Heinrich Parler and Christopher Wren began to build the church in 1377.", "grounded", 2),
        ("Sharks hunt at night and find their prey by smell.", "ungrounded", 0),
    ],
)
def test_what_stands_on_the_passage_is_told_from_what_does_not(
    scorers: dict[str, Scorer], answer: str, label: str, missing: int
) -> None:
    support, invented = grounded(scorers, answer)
    assert (support.label, invented.value) == (label, missing)


def test_names_of_the_question_are_not_invented_by_the_answer(scorers: dict[str, Scorer]) -> None:
    answer = "No, the architect was not Christopher Wren."
    assert grounded(scorers, answer)[1].value == 2
    assert grounded(scorers, answer, prompt="Was it Christopher Wren?")[1].value == 0


def test_without_passages_nothing_is_ungrounded(scorers: dict[str, Scorer]) -> None:
    for contexts in ((), ("", "  \n")):
        row = scorers["groundedness"].score([Subject(answer="Sharks hunt at night.", contexts=contexts)])[0]
        assert {score.unjudged for score in row} == {"no contexts were given"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It cost 1,250 EUR.", {"1250"}),
        ("It cost 1.250 EUR.", {"1250"}),
        ("1. First\n2. Second", set()),
        ("It rose by 3.5 percent.", set()),
        ("We met Anna's brother.", set()),
        ("We met the Smiths.", set()),
    ],
)
def test_numbers_are_one_however_they_are_grouped_and_lists_have_none(text: str, told: set[str]) -> None:
    known = frozenset({"3.5", "anna's", "anna", "smith", "eur"})
    assert unsupported(text, known) == told


def test_vectors_are_the_embedder_s_remembered_or_not() -> None:
    embedder = Embedder.load()
    vectors = RememberedEmbedder.load()
    vectors.remembered = 2
    texts = ["bread", "butter", "bread", "church", ""]
    for _ in range(2):
        np.testing.assert_array_equal(vectors.embed(texts), embedder.embed(texts))
    assert vectors.embed([]).shape == embedder.embed([]).shape
