"""What a version has forgotten: its answers on the held-out sets of the versions before it. Pure.

For people to see; the gate's verdict rests on earlier traffic as it is today, of which these sets are a part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.gate_report import ForgettingCell
from training.data.dataset import Example

Worth = tuple[float, float]


@dataclass(frozen=True, slots=True)
class EarlierSet:
    """The held-out set of an earlier version, as far as it is still to be had.

    Attributes:
        gone: Prompts that the warehouse no longer has, or whose right answer it can't tell.
    """

    version: str
    examples: tuple[Example, ...]
    gone: int


def forgetting(
    sets: Sequence[EarlierSet],
    known: Mapping[str, Worth],
    answered: Callable[[Sequence[Example]], Sequence[Worth]],
) -> tuple[ForgettingCell, ...]:
    """Return a cell for each set of which anything is left.

    Args:
        sets: Newest version first.
        known: What candidate and incumbent were worth on prompts that they have answered, by request id.
        answered: Lets both answer further prompts; called once, or not at all.
    """
    further = {e.request_id: e for one in sets for e in one.examples if e.request_id not in known}
    worth = dict(known)
    if further:
        worth |= dict(zip(further, answered(list(further.values())), strict=True))
    return tuple(_cell(one, [worth[e.request_id] for e in one.examples]) for one in sets if one.examples)


def _cell(one: EarlierSet, worth: Sequence[Worth]) -> ForgettingCell:
    candidate, incumbent = np.array(worth, np.float64).mean(axis=0)
    return ForgettingCell(
        held_out_of=one.version, value=float(candidate), served=float(incumbent), count=len(worth), gone=one.gone
    )
