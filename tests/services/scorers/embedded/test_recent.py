"""What was judged lately is known: each text once, the last ones alone, and no text is kept."""

from collections.abc import Callable, Sequence

import numpy as np

from services.scorers.embedded.recent import Numbers, Recent

ODD = ["", "a", "\ud800", "a" * 1_000_000, "שלום", "a"]


def judging(texts: Sequence[str], judged: list[str]) -> Callable[[Sequence[int]], Numbers]:
    """Return a judge by length, which notes what it is asked about."""

    def judge(places: Sequence[int]) -> Numbers:
        judged.extend(texts[place] for place in places)
        return np.array([float(len(texts[place])) for place in places])

    return judge


def test_every_text_has_its_number_and_repeats_are_judged_once() -> None:
    recent, judged = Recent(), list[str]()

    for _ in range(2):
        assert list(recent.of(ODD, judging(ODD, judged))) == [len(text) for text in ODD]
    assert sorted(judged) == sorted(set(ODD))


def test_no_texts_have_no_numbers() -> None:
    assert Recent().of([], judging([], [])).shape == (0,)


def test_the_oldest_are_forgotten_and_a_batch_of_more_than_it_remembers_has_all_its_numbers() -> None:
    recent, judged = Recent(3), list[str]()
    texts = ["a", "bb", "ccc", "dddd"]

    assert list(recent.of(texts, judging(texts, judged))) == [1, 2, 3, 4]
    assert list(recent.of(["a", "dddd"], judging(["a", "dddd"], judged))) == [1, 4]
    assert judged == [*texts, "a"]


def test_a_text_has_a_number_for_each_thing_that_is_told_of_it() -> None:
    recent = Recent()

    prompt = recent.of(["a"], lambda places: np.array([1.0]), about="prompt")
    answer = recent.of(["a"], lambda places: np.array([2.0]), about="answer")

    assert (prompt[0], answer[0]) == (1, 2)


def test_texts_are_not_kept() -> None:
    recent = Recent()
    recent.of(["my secret"], judging(["my secret"], []))

    assert "secret" not in repr(vars(recent))
