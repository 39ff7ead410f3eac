"""The order of a whole training: seeded, by trust, rows of like length together."""

from collections import Counter

from schemas.training_policy import Training
from training.methods.rows.rounds import laid_out

POLICY = Training(app="desk", steps=50, batch_size=8, accumulate=2)


def test_every_step_has_its_rows_and_every_row_its_turn() -> None:
    order = laid_out([5] * 100, [1.0] * 100, POLICY)
    assert len(order) == 800
    assert set(Counter(order).values()) == {8}


def test_trust_is_how_often_a_row_takes_part() -> None:
    trust = [1.0] * 20 + [0.5] * 20 + [0.25] * 20 + [0.0] * 20
    seen = Counter(laid_out([5] * 80, trust, POLICY))
    rounds = 800 / sum(trust)
    for row, weight in enumerate(trust):
        assert abs(seen[row] - rounds * weight) <= 2, (row, weight)


def test_trust_is_compared_with_the_most_trusted_row() -> None:
    assert laid_out([5] * 30, [0.5] * 30, POLICY) == laid_out([5] * 30, [1.0] * 30, POLICY)


def test_the_order_follows_from_the_seed_alone() -> None:
    lengths, trust = list(range(40)), [1.0] * 40
    assert laid_out(lengths, trust, POLICY) == laid_out(lengths, trust, POLICY)
    other = Training(app="desk", steps=50, batch_size=8, accumulate=2, seed=8)
    assert laid_out(lengths, trust, other) != laid_out(lengths, trust, POLICY)


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = list(range(64))
    order = laid_out(lengths, [1.0] * 64, Training(app="desk", steps=8, batch_size=8))
    spans = [max(batch) - min(batch) for batch in (order[at : at + 8] for at in range(0, 64, 8))]
    assert max(spans) == 7
