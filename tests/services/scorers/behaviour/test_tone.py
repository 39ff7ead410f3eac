"""Refusal, sentiment and toxicity: errors on written texts are held, and other languages are left unjudged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profanity_check import predict_prob

from schemas.inference import ContentPart, Message
from services.scorers.behaviour.tone.refusal import refused
from services.scorers.behaviour.tone.sentiment import Sentiment
from services.scorers.behaviour.tone.toxicity import Profanity
from services.scorers.contract import Scorer, Subject
from tests.services.scorers.behaviour.refusals import Labelled, labelled


def errors(rows: list[Labelled]) -> tuple[float, float]:
    found = [(refused(text) >= 0.5, true) for text, true in rows]
    hits = sum(said and true for said, true in found)
    return hits / max(1, sum(said for said, _ in found)), hits / sum(true for _, true in found)


def test_refusals_are_told_from_answers_on_texts_that_the_patterns_were_not_made_with() -> None:
    made_with, held_out = labelled()
    assert min(len(made_with), len(held_out)) >= 100
    precision, recall = errors(held_out)
    assert precision >= 0.95
    assert recall >= 0.9
    assert min(errors(made_with)) >= 0.98


def test_a_refusal_behind_a_long_answer_is_one_of_a_part() -> None:
    assert refused("Here is the plan. " * 20 + "I can't help with the rest.") == 0.3
    assert refused("Here is the plan. " * 60 + "I can't help with the rest.") == 0.0


def test_what_the_upstream_calls_a_refusal_is_one(scorers: dict[str, Scorer]) -> None:
    part = Message(role="assistant", content=(ContentPart(type="refusal", text="No."),))
    for subject in (Subject(answer="", finish_reason="content_filter"), Subject(answer="No.", output=part)):
        (score,) = scorers["refusal"].score([subject])[0]
        assert (score.value, score.label) == (1.0, "refused")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Thank you so much, this is wonderful!", "positive"),
        ("This is terrible, I hate it.", "negative"),
        ("The train leaves at nine.", "neutral"),
        ("It is not good.", "negative"),
    ],
)
def test_sentiment_has_the_sign_that_people_give_it(scorers: dict[str, Scorer], text: str, label: str) -> None:
    for name, subject in (("prompt-sentiment", Subject(prompt=text)), ("response-sentiment", Subject(answer=text))):
        assert scorers[name].score([subject])[0][0].label == label


_WORDS = """
    good bad great hate love kind of least at very not never so this without doubt no or nor but BUT GOOD Bad terrible
    the shit bomb to die for yeah right kiss death sort just enough really slightly don't cannot despite :) :( meh!
    wow!! why?? (nice) 'fine' little less most no-one awful. I train nine 🙂 😡 naïve it’s “great” İ
"""


_SENTIMENT = Sentiment()


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(_WORDS.split()), max_size=14))
def test_a_sentence_has_the_library_s_own_score(words: list[str]) -> None:
    text = " ".join(words)
    sentiment = _SENTIMENT
    assert sentiment._of_sentence(text) == sentiment._analyzer.polarity_scores(text)["compound"]


def test_other_languages_have_neither_sentiment_nor_toxicity(scorers: dict[str, Scorer]) -> None:
    text = "Der Zug fährt heute leider nicht, nehmen Sie bitte den Bus am Bahnhof."
    for name in ("response-sentiment", "response-toxicity"):
        assert scorers[name].score([Subject(answer=text)])[0][0].unjudged == "not English"


def test_the_product_is_the_package_s_own_probability() -> None:
    texts = ["you are a stupid idiot", "have a nice day", "damn, that hurts", "", "zzz", "go to hell " * 50]
    assert Profanity().probabilities(texts) == pytest.approx(predict_prob(texts), abs=1e-9)


@pytest.mark.parametrize(
    ("text", "label"),
    [("Shut up, you stupid bitch.", "toxic"), ("Have a nice day, and thanks!", "clean"), ("hi", "clean")],
)
def test_insults_are_toxic(scorers: dict[str, Scorer], text: str, label: str) -> None:
    assert scorers["prompt-toxicity"].score([Subject(prompt=text)])[0][0].label == label
