"""What holds for every scorer of behaviour: the contract, whatever texts come."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.behaviour import BEHAVIOUR_SCORES
from schemas.inference import ContentPart, LogprobSummary, Message, ToolCall, ToolDeclared
from services.scorers.behaviour.catalogue import BEHAVIOUR_CARDS, BEHAVIOUR_SCORERS, Behaviours, BehaviourSettings
from services.scorers.behaviour.language.identifier import LANGUAGES, Identifier
from services.scorers.contract import Card, Score, Scorer, Subject
from tests.services.scorers.behaviour.odd import ODD

any_text = st.text(st.characters(), max_size=60) | st.sampled_from(ODD[:6])
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool", "other"]),
    content=any_text | st.tuples(st.builds(ContentPart, type=st.sampled_from(["text", "refusal"]), text=any_text)),
    tool_calls=st.tuples() | st.tuples(st.builds(ToolCall, id=any_text, name=any_text, arguments=any_text)),
)
subjects = st.builds(
    Subject,
    prompt=any_text,
    answer=any_text,
    messages=st.lists(messages, max_size=4).map(tuple),
    output=st.none() | messages,
    contexts=st.lists(any_text, max_size=3).map(tuple),
    finish_reason=st.sampled_from(["", "stop", "length", "content_filter", "odd"]),
    tools=st.lists(st.builds(ToolDeclared, name=any_text, schema=any_text), max_size=2).map(tuple),
    response_schema=st.sampled_from(["", "{}", "{", "true", '{"type":"string"}', '{"$ref":"#"}', "\ud800"]),
    logprobs=st.none() | st.just(LogprobSummary(count=3, mean=-0.5, least=-1.0, low_ratio=0.3)),
)


def assert_row(card: Card, row: tuple[Score, ...]) -> None:
    assert [score.name for score in row] == [measure.name for measure in card.measures]
    for score, measure in zip(row, card.measures, strict=True):
        if score.value is not None:
            assert measure.low <= score.value <= measure.high, score
            assert (score.label in measure.labels) if measure.labels else not score.label, score


def told(text: str) -> list[Subject]:
    user, model = Message(role="user", content=text), Message(role="assistant", content=text)
    schema = ToolDeclared(name=text[:200], schema=text[:1_000])
    passages = (text, "some words here")
    calls = (ToolCall(id="1", name=text[:200], arguments=text),)
    return [
        Subject(prompt=text, answer=text, messages=(user, model, user), output=model, contexts=passages),
        Subject(prompt="What is the capital of France?", answer=text, contexts=("Paris is the capital of France.",)),
        Subject(prompt=text, answer="Paris is the capital of France.", response_schema=text[:2_000]),
        Subject(
            answer=text, output=Message(role="assistant", tool_calls=calls), tools=(schema,), finish_reason=text[:9]
        ),
    ]


def test_cards_and_the_names_that_monitors_know_agree(scorers: dict[str, Scorer]) -> None:
    measures = {measure.name: measure for scorer in scorers.values() for measure in scorer.card.measures}
    assert measures.keys() == BEHAVIOUR_SCORES.keys()
    for name, meant in BEHAVIOUR_SCORES.items():
        assert measures[name].unit == meant.unit
        assert not meant.flagged or meant.flagged in measures[name].labels
    assert [scorer.card.name for scorer in scorers.values()] == list(BEHAVIOUR_SCORERS)
    for scorer in scorers.values():
        assert scorer.card.source
        assert scorer.card.blind_spots
        sides = {measure.name.partition(".")[0] for measure in scorer.card.measures}
        assert sides == {"prompt" if scorer.card.side == "prompt" else "response"}


def test_no_text_is_too_odd(scorers: dict[str, Scorer]) -> None:
    odd = [subject for text in ODD for subject in told(text)]
    for scorer in scorers.values():
        rows = scorer.score(odd)
        assert len(rows) == len(odd)
        for row in rows:
            assert_row(scorer.card, row)


def test_each_call_is_judged_alone_and_always_the_same(scorers: dict[str, Scorer]) -> None:
    some = [subject for text in ODD[8:] for subject in told(text)]
    for scorer in scorers.values():
        together = scorer.score(some)
        assert scorer.score(some) == together
        assert [row for subject in reversed(some) for row in scorer.score([subject])] == together[::-1], (
            scorer.card.name
        )


def test_nothing_is_scored_of_nothing(scorers: dict[str, Scorer]) -> None:
    for scorer in scorers.values():
        assert scorer.score([]) == []
        for score in scorer.score([Subject()])[0]:
            assert score.name == "prompt.characters" or score.value is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(batch=st.lists(subjects, max_size=3))
def test_any_call_has_its_row(scorers: dict[str, Scorer], batch: list[Subject]) -> None:
    for scorer in scorers.values():
        for row in scorer.score(batch):
            assert_row(scorer.card, row)


def test_a_card_is_known_before_its_scorer_is_loaded(scorers: dict[str, Scorer]) -> None:
    assert {name: scorer.card for name, scorer in scorers.items()} == BEHAVIOUR_CARDS
    assert set(Identifier()._model.labels) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("name", "subject", "bad"),
    [
        ("refusal", Subject(answer="Here it is. " * 40 + "I can't help with the rest."), "refused"),
        ("repetition", Subject(answer="There are many of them, in houses, gardens, " + "and so on " * 4), "looping"),
        ("prompt-toxicity", Subject(prompt="This is a damn hard exam."), "toxic"),
        (
            "groundedness",
            Subject(answer="The steeple is of grey stone.", contexts=("The steeple is tall.",)),
            "grounded",
        ),
    ],
)
def test_a_threshold_of_the_user_s_moves_the_label_and_not_the_value(name: str, subject: Subject, bad: str) -> None:
    made = Behaviours(BehaviourSettings())
    ((strict, *_),), ((lax, *_),) = (made.scorer(name, least).score([subject]) for least in (0.0001, 1.0))
    assert strict.value == lax.value
    assert (strict.label == bad, lax.label == bad) == (True, False)
