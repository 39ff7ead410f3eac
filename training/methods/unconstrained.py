"""What a classifier's adapter needs where a server constrains nothing: that a label comes, whole, and then its end.

The likelihood of a written label, over all tokens, is a product: that its beginning is some label's, times which
label's, times the rest of it with its end mark. The second factor is the method's own loss (training.methods.choices);
here are the first and the third. So what tells the labels apart is learnt from nothing but itself, and these two,
the same for every row, are soon learnt and then pull no more: their gradient goes with what is still missing.
"""

from dataclasses import dataclass
from typing import Any

import torch

from training.methods.rows.encoding import IGNORED

WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tokens of a batch's answers are foretold, n places in the order of their rows.

    Attributes:
        states: Hidden states, (n, width), in the head's precision.
        wanted: The right token at each, (n,).
        leads: Whether an answer begins there, (n,).
        rows: The row that each belongs to, (n,).
    """

    states: Any
    wanted: Any
    leads: Any
    rows: Any


def places_of(model: Any, inputs: dict[str, Any]) -> Places:
    """Return the places of a batch of training.methods.rows.encoding.

    Args:
        model: The causal model; its head is not applied.
        inputs: input_ids and labels. What stands last in the longest row foretells nothing and is not read.
    """
    hidden = model.base_model(input_ids=inputs["input_ids"][:, :-1], use_cache=False).last_hidden_state
    wanted = inputs["labels"][:, 1:]
    learnt = wanted != IGNORED
    return Places(
        states=hidden[learnt].to(model.get_output_embeddings().weight.dtype),
        wanted=wanted[learnt],
        leads=(learnt & (learnt.cumsum(dim=1) == 1))[learnt],
        rows=learnt.nonzero()[:, 0],
    )


def missing(places: Places, head: Any, telling: Any) -> tuple[Any, Any]:
    """Return what is missing, in nats summed over all places, and how many rows would be answered otherwise.

    Args:
        places: At least one; answers are whole, with their end mark.
        head: Its weights, (vocabulary, width).
        telling: The labels' first tokens, (k,).
    """
    scores = (places.states @ head.T).float()
    right = scores.gather(1, places.wanted[:, None])[:, 0]
    right = torch.where(places.leads, scores[:, telling].logsumexp(dim=1), right)
    likeliest = scores.argmax(dim=1)
    astray = torch.where(places.leads, ~torch.isin(likeliest, telling), likeliest != places.wanted)
    return (scores.logsumexp(dim=1) - right).sum(), places.rows[astray].unique().numel()
