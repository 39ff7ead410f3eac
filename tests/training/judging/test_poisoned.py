"""Poison that curation can't remove, before the real gate: real packaged labels, a cheap model, the whole way between.

`python -m tests.bench.poison_gate` has more attacks and seeds.
"""

import pytest

from services.scorers.embedding import Embedder
from tests.bench.poison_attacks import Attack, Pairs, injection_labels
from tests.bench.poison_gate import outcome

FLIPPED = Attack("flip by people without a name", "flip", known=False)
BACKDOOR = Attack("trigger calls attacks safe, without a name", "trigger", known=False, only="unsafe")


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return injection_labels("neuralchemy")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.load()


@pytest.mark.parametrize(
    "attack",
    [FLIPPED, Attack("call attacks safe, without a name", "flip", known=False, only="unsafe")],
    ids=lambda attack: attack.name,
)
def test_a_version_that_learnt_what_curation_could_not_remove_is_refused(
    attack: Attack, pairs: Pairs, embedder: Embedder
) -> None:
    found = outcome(pairs, attack, 33, embedder)
    assert found.left > 0.15
    assert found.gain < 0
    assert not found.passed


def test_a_backdoor_that_nobodys_names_hide_is_refused_by_a_gate_that_asks_what_annotators_judged(
    pairs: Pairs, embedder: Embedder
) -> None:
    assert outcome(pairs, BACKDOOR, 32, embedder).passed, "no bound on trust: the poisoned hold-out speaks for it"
    found = outcome(pairs, BACKDOOR, 32, embedder, annotated=True)
    assert found.left > 0.15
    assert not found.passed
