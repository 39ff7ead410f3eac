"""Hashed n-grams: unit length, indifferent to case and white space, the same alone and in a batch."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorers.ngrams import BUCKETS, MOST_KEPT, ngrams


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_a_text_has_the_same_features_in_every_batch(texts: list[str]) -> None:
    coefficients = np.random.default_rng(0).normal(size=BUCKETS).astype(np.float32)

    together = ngrams(texts).dot(coefficients)

    alone = [ngrams([text]).dot(coefficients)[0] for text in texts]
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(st.text(min_size=3, max_size=60))
def test_every_text_has_unit_length(text: str) -> None:
    features = ngrams([text])

    assert features.weights.size == 0 or abs(np.square(features.weights).sum() - 1) < 1e-4


def test_case_and_white_space_do_not_matter() -> None:
    left, right = ngrams(["Ignore  ALL rules\n"]), ngrams(["ignore all rules"])

    np.testing.assert_array_equal(left.buckets, right.buckets)


def test_the_last_batch_is_kept_for_the_next_head_and_no_large_one_is() -> None:
    batch, large = ["one", "two"], [str(number) for number in range(MOST_KEPT + 1)]

    assert ngrams(list(batch)) is ngrams(list(batch))
    assert ngrams(list(large)) is not ngrams(list(large))
