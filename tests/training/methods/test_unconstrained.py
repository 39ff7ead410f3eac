"""The loss that teaches a classifier to write its label falls into parts that together are its likelihood."""

import torch
from torch.nn.functional import cross_entropy

from training.methods.unconstrained import Places, missing

HEAD = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-1.0, -1.0], [1.0, 1.0]])
TELLING = torch.tensor([0, 1])
"""Two labels begin with token 0 or 1; token 2 ends an answer; token 3 is anything else."""


def _places(states: list[list[float]], wanted: list[int], leads: list[bool], rows: list[int]) -> Places:
    return Places(torch.tensor(states), torch.tensor(wanted), torch.tensor(leads), torch.tensor(rows))


def test_with_the_choice_it_is_the_likelihood_over_all_tokens() -> None:
    places = _places([[1.0, -0.5], [-2.0, 0.3], [0.1, 0.7]], [0, 2, 1], [True, False, True], [0, 0, 1])
    scores = places.states @ HEAD.T
    leads = places.leads
    choice = cross_entropy(scores[leads][:, TELLING], places.wanted[leads], reduction="sum")
    lacking, _ = missing(places, HEAD, TELLING)
    torch.testing.assert_close(choice + lacking, cross_entropy(scores, places.wanted, reduction="sum"))


def test_which_label_it_is_does_not_pull_at_it() -> None:
    one = _places([[1.0, -0.5]], [0], [True], [0])
    other = _places([[1.0, -0.5]], [1], [True], [0])
    torch.testing.assert_close(missing(one, HEAD, TELLING)[0], missing(other, HEAD, TELLING)[0])


def test_a_row_that_would_be_answered_otherwise_counts_once() -> None:
    chats = [1.0, 1.0]
    goes_on = [3.0, -1.0]
    ends = [-1.0, -1.0]
    places = _places([chats, goes_on, goes_on, ends], [0, 2, 1, 2], [True, False, True, False], [0, 0, 1, 1])
    # The first row would begin with another word and not end; the second begins with a label, if the wrong one.
    assert missing(places, HEAD * torch.tensor([[1.0], [1.0], [1.0], [3.0]]), TELLING)[1] == 1
