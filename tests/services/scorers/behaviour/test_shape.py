"""Readability, repetition, length and uncertainty: figures by hand, and reasons where there are none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inference import LogprobSummary, Message
from services.scorers.behaviour.shape.readability import grades
from services.scorers.behaviour.shape.repetition import LONGEST_PERIOD, longest_loop
from services.scorers.behaviour.texts import Words, cut, prose, sentences, words
from services.scorers.contract import Score, Scorer, Subject

PLAIN = "The cat sat on the mat and looked at the bird. It did not move, for it was warm and had eaten well."
HARD = (
    "Notwithstanding considerable methodological heterogeneity, contemporary epidemiological investigations "
    "consistently demonstrate statistically significant associations between socioeconomic disadvantage and "
    "cardiovascular morbidity throughout industrialised populations."
)


def row(scorers: dict[str, Scorer], name: str, answer: str, **more: object) -> tuple[Score, ...]:
    return scorers[name].score([Subject(answer=answer, **more)])[0]  # type: ignore[arg-type]  # builder of any field


def test_grades_are_those_of_the_formulas() -> None:
    # 73 letters, 22 words, 2 sentences.
    ari, coleman_liau = grades(PLAIN)
    letters, length = sum(map(len, words(PLAIN))), len(words(PLAIN))
    assert ari == pytest.approx(4.71 * letters / length + 0.5 * length / 2 - 21.43)
    assert coleman_liau == pytest.approx(0.0588 * 100 * letters / length - 0.296 * 100 * 2 / length - 15.8)


def test_hard_texts_have_higher_grades(scorers: dict[str, Scorer]) -> None:
    easy, hard = row(scorers, "readability", PLAIN), row(scorers, "readability", HARD)
    for one, other in zip(easy, hard, strict=True):
        assert one.value is not None
        assert other.value is not None
        assert one.value < 8 < 15 < other.value


@pytest.mark.parametrize("text", ["Few words.", "これは日本語の長い文章です。" * 10, f"```\n{PLAIN}\n```"])
def test_what_has_no_words_to_count_has_no_grade(scorers: dict[str, Scorer], text: str) -> None:
    assert all(score.value is None for score in row(scorers, "readability", text))


@pytest.mark.parametrize(
    "text",
    [
        "I will help you. " * 30,
        f"{PLAIN} " + "and so on " * 20,
        "no " * 40,
        "好的" * 40,
        "ha" * 100,
        f"{PLAIN}\n" * 3,
    ],
)
def test_a_loop_is_found(scorers: dict[str, Scorer], text: str) -> None:
    assert row(scorers, "repetition", text)[0].label == "looping"


@pytest.mark.parametrize(
    "text", [PLAIN, HARD, "- apples\n- pears\n- plums\n- cherries\n- nuts\n- figs\n- dates\n- limes\n- kiwis\n- melons"]
)
def test_prose_and_lists_are_no_loops(scorers: dict[str, Scorer], text: str) -> None:
    repetition, distinct, _ = row(scorers, "repetition", text)
    assert repetition.label == "fluent"
    assert distinct.value is not None
    assert distinct.value > 0.9


@given(
    st.lists(st.integers(0, 3), max_size=30).map(lambda values: np.array(values, np.int64)),
)
def test_the_longest_loop_is_the_one_that_a_search_finds(tokens: np.ndarray) -> None:
    expected = 0
    for start in range(len(tokens)):
        for period in range(1, LONGEST_PERIOD + 1):
            run = 0
            while start + period + run < len(tokens) and tokens[start + run] == tokens[start + period + run]:
                run += 1
            expected = max(expected, run if run >= period else 0)
    assert longest_loop(tokens) == expected


def test_lengths_and_cut_answers(scorers: dict[str, Scorer]) -> None:
    assert scorers["prompt-length"].score([Subject(prompt="héllo")])[0][0].value == 5
    cut_off = row(scorers, "response-length", "one two", finish_reason="length")
    assert [score.value for score in cut_off] == [7, 2, 1]
    assert cut_off[2].label == "cut"
    assert row(scorers, "response-length", "one", finish_reason="stop")[2].label == "whole"
    assert row(scorers, "response-length", "one")[2].unjudged == "no finish reason"
    empty = Subject(output=Message(role="assistant"), finish_reason="stop")
    assert [score.value for score in scorers["response-length"].score([empty])[0]] == [0, None, 0]


def test_perplexity_is_the_exponential_of_the_mean(scorers: dict[str, Scorer]) -> None:
    told = LogprobSummary(count=4, mean=-math.log(2), least=-3.0, low_ratio=0.25)
    perplexity, unsure = row(scorers, "uncertainty", "a", logprobs=told)
    assert perplexity.value == pytest.approx(2.0)
    assert unsure.value == 0.25
    assert all(score.unjudged for score in row(scorers, "uncertainty", "a"))


@given(st.text(st.characters()))
def test_texts_are_taken_apart_whatever_they_are(text: str) -> None:
    mended = cut(text)
    mended.encode()
    assert all(word == word.lower() for word in words(mended))
    assert all(piece and piece == piece.strip() for piece in sentences(mended))
    assert len(prose(mended)) <= len(mended)


def test_the_words_of_no_more_text_are_kept_than_is_said() -> None:
    kept = Words(100)
    for number in range(1_000):
        kept.of(f"text number {number}")
    kept.of("你好" * 200)

    assert 0 < kept.held <= 100
    assert sum(map(len, kept._known)) == kept.held
    assert kept.of("It's here") is kept.of("It's here")
