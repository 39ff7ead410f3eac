"""A head: what it clears isn't looked at closely and can't be unsafe; the rest is judged by both looks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from services.scorers.embedded.cascade import Head, Weights, cleared_logits, logit, sigmoid
from services.scorers.embedded.encoder import DIMENSIONS, Features
from services.scorers.embedding import Embedder
from services.scorers.ngrams import BUCKETS, ngrams

THRESHOLD = 0.6


class Encoder:
    """Remembers what it was asked for; its rows are ones."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Features:
        """Return ones."""
        self.asked += texts
        return np.ones((len(texts), DIMENSIONS), np.float32)


def weights_that_suspect(word: str) -> Weights:
    """A cheap look that knows one word, and a close look that finds everything bad."""
    grams = np.zeros(BUCKETS + 1, np.float32)
    grams[ngrams([word]).buckets] = 10.0
    grams[-1] = -1.0
    features = np.zeros(DIMENSIONS + 1, np.float32)
    features[-1] = 3.0
    return Weights(
        embedding=np.zeros(257, np.float32),
        grams=grams,
        share=0.0,
        clear=0.0,
        cleared=(1.0, 0.0),
        features=features,
        unsure=(0.0, 1.0, 0.0),
        threshold=THRESHOLD,
        answer_threshold=THRESHOLD,
        answer_clear=0.0,
    )


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """The packaged one."""
    return Embedder.load()


def test_only_what_the_cheap_look_suspects_is_looked_at_closely(embedder: Embedder) -> None:
    encoder = Encoder()
    head = Head("x@1", weights_that_suspect("dynamite"), embedder, encoder)

    bread, dynamite = head.score(["bread", "dynamite"])

    assert encoder.asked == ["dynamite"]
    assert bread < THRESHOLD < dynamite


def test_nothing_is_read_closely_where_all_is_cleared(embedder: Embedder) -> None:
    encoder = Encoder()

    Head("x@1", weights_that_suspect("dynamite"), embedder, encoder).score(["bread", "butter"])

    assert encoder.asked == []


def test_a_cleared_text_is_never_unsafe_however_the_line_was_fitted() -> None:
    weights = replace(weights_that_suspect("x"), cleared=(5.0, 40.0))

    probabilities = sigmoid(cleared_logits(weights, np.linspace(-10, 10, 50), THRESHOLD))

    assert probabilities.max() < THRESHOLD


def test_an_empty_text_is_0_and_no_texts_are_none(embedder: Embedder) -> None:
    head = Head("x@1", weights_that_suspect("dynamite"), embedder, Encoder())

    np.testing.assert_array_equal(head.score(["", "  \n"]), [0.0, 0.0])
    assert head.score([]).shape == (0,)


def test_rows_that_the_caller_has_are_used(embedder: Embedder) -> None:
    weights = replace(weights_that_suspect("x"), share=1.0, embedding=np.array([9.0, *np.zeros(256)], np.float32))
    head = Head("x@1", weights, embedder, Encoder())
    row = np.zeros((1, 256), np.float32)
    row[0, 0] = 1.0

    high, low = head.score(["bread", "butter"], np.concatenate([row, -row]))

    assert high > low


def test_what_comes_again_word_for_word_is_looked_at_once(embedder: Embedder) -> None:
    encoder = Encoder()
    head = Head("x@1", weights_that_suspect("dynamite"), embedder, encoder)

    first = head.score(["dynamite", "bread", "dynamite"])
    again = head.score(["bread", "dynamite", "more dynamite"])

    assert encoder.asked == ["dynamite", "more dynamite"]
    assert list(first) == [again[1], again[0], again[1]]


def test_answers_are_cleared_at_a_level_of_their_own_and_then_safe(embedder: Embedder) -> None:
    encoder = Encoder()
    weights = replace(weights_that_suspect("dynamite"), answer_clear=1e6, answer_threshold=0.9)
    head = Head("x@1", weights, embedder, encoder)

    prompt, answer = head.score(["dynamite"]), head.score(["dynamite"], answers=True)

    assert encoder.asked == ["dynamite"]
    assert prompt[0] > THRESHOLD
    assert answer[0] < head.answer_threshold


def test_no_text_is_another_heads(embedder: Embedder) -> None:
    suspects = Head("x@1", weights_that_suspect("dynamite"), embedder, Encoder())
    clears = Head("y@1", weights_that_suspect("bread"), embedder, Encoder())

    assert suspects.score(["dynamite"])[0] > clears.score(["dynamite"])[0]


def test_logit_undoes_sigmoid_and_extremes_do_not_overflow() -> None:
    assert sigmoid(np.array([logit(0.3)]))[0] == pytest.approx(0.3)
    assert np.isfinite(sigmoid(np.array([-1e6, 1e6]))).all()
