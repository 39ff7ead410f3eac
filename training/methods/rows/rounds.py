"""In which order rows are learnt from: laid out for the whole training before it begins. Pure.

A Trainer then takes them in sequence, so that one which goes on after a kill sees the rows that it would have seen.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import islice

from schemas.training_policy import Training

_WINDOW = 8


def laid_out(lengths: Sequence[int], weights: Sequence[float], policy: Training) -> list[int]:
    """Return which row stands where in a training of `policy.steps` steps.

    Every round is a new order of the rows. Trust is how often a row takes part: the most trusted in every round, one
    of half that trust in every second. So no loss has to know of it, and a row of little trust is not
    learnt by heart in small doses. Rows of like length share a batch.

    Args:
        lengths: Tokens of each row.
        weights: Trust in each row, at least one above 0.
        policy: Steps, batch, accumulation and seed.
    """
    chance = random.Random(policy.seed)
    size = policy.batch_size
    stream = islice(_rounds(weights, chance), policy.steps * size * policy.accumulate)
    drawn: list[int] = []
    while window := list(islice(stream, _WINDOW * size)):
        # Shuffled first, so that rows of one length don't stay in the order of their round.
        window.sort(key=lambda row: lengths[row])
        batches = [window[at : at + size] for at in range(0, len(window), size)]
        chance.shuffle(batches)
        drawn += [row for batch in batches for row in batch]
    return drawn


def _rounds(weights: Sequence[float], chance: random.Random) -> Iterator[int]:
    """Yield rows for ever, each as often as its weight says, to within one round."""
    shares = [weight / max(weights) for weight in weights]
    due = [chance.random() for _ in shares]
    while True:
        taken = []
        for row, share in enumerate(shares):
            due[row] += share
            if due[row] >= 1:
                due[row] -= 1
                taken.append(row)
        chance.shuffle(taken)
        yield from taken
