"""Embeddings: unit rows in the order of the texts, and no torch for them."""

import subprocess
import sys

import numpy as np
import pytest

from services.scorers.embedding import DIMENSIONS, Embedder


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """A loaded embedder."""
    return Embedder.load()


def test_rows_are_unit_vectors_in_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = ["a rather long question about the weather in spring", "weather", "bread"]

    rows = embedder.embed(texts)

    assert rows.shape == (3, DIMENSIONS)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    for text, row in zip(texts, rows, strict=True):
        np.testing.assert_allclose(embedder.embed([text])[0], row, atol=1e-6)


def test_texts_of_like_meaning_lie_nearer_than_others(embedder: Embedder) -> None:
    bread, loaf, engine = embedder.embed(["how do I bake bread", "baking a loaf of bread", "repairing a diesel engine"])

    assert bread @ loaf > bread @ engine + 0.2


def test_a_text_without_tokens_is_the_zero_row(embedder: Embedder) -> None:
    assert not embedder.embed(["", "bread"])[0].any()
    assert embedder.embed([]).shape == (0, DIMENSIONS)


def test_only_the_beginning_of_a_very_long_text_counts(embedder: Embedder) -> None:
    beginning = "bread and butter " * 1000

    np.testing.assert_array_equal(embedder.embed([beginning])[0], embedder.embed([beginning + "diesel " * 9000])[0])


def test_light_scorers_load_neither_torch_nor_scikit_learn() -> None:
    program = (
        "import sys; import services.scorers.heads, services.scorers.distance, services.scorers.pii as pii;"
        "pii.count_entities('a@example.com');"
        "sys.exit(','.join(m for m in ('torch', 'transformers', 'sklearn', 'pandas') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-500:]


GROWTH = """
import psutil
from services.scorers.embedding import Embedder

embedder, process = Embedder.load(), psutil.Process()


def embed(start, end):
    for at in range(start, end, 50):
        embedder.embed([" ".join(f"{sign}{number * 31 + ord(sign)}" for sign in "abcdefghijklmnopqrst")
                        for number in range(at, at + 50)])


embed(0, 500)
before = process.memory_info().rss
embed(500, 4_500)
print(process.memory_info().rss - before)
"""


def test_texts_that_were_embedded_leave_nothing_in_memory() -> None:
    """Four thousand short texts took 24 MB while the tokenizer kept them."""
    grown = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True, timeout=120)

    assert int(grown.stdout) < 6 * 2**20
