"""Seeded streams of values in [0, 1] for the bench of detectors: shape (events, streams), with a mean that is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Dice = np.random.Generator

SEASON = 5_000
SWING = 0.03
SCALE, TAIL = 0.02, 0.7
TIES = ((0.0, 0.25, 0.5, 1.0), (0.75, 0.15, 0.06, 0.04))
STICKY = 0.3
BATCH = 20


@dataclass(frozen=True, slots=True)
class Stream:
    """A kind of stream without drift.

    Attributes:
        mean: Over the whole stream.
        proportion: Values are zeros and ones, or shares of them.
        batch: Values that arrive together, as their mean.
        fair: The mean, given all before, is the baseline: what every promise asks for.
    """

    mean: float
    draw: Callable[[int, int, Dice], Values]
    proportion: bool = True
    batch: int = 1
    fair: bool = True


def errors(chance: float) -> Callable[[int, int, Dice], Values]:
    """Return independent errors."""
    return lambda events, streams, dice: (dice.random((events, streams)) < chance).astype(np.float64)


def _seasonal(events: int, streams: int, dice: Dice) -> Values:
    phase = dice.random(streams)
    chance = 0.1 + SWING * np.sin(2 * np.pi * (np.arange(events)[:, None] / SEASON + phase))
    return (dice.random((events, streams)) < chance).astype(np.float64)


def _heavy(events: int, streams: int, dice: Dice) -> Values:
    return np.minimum(1.0, SCALE * dice.random((events, streams)) ** -TAIL)


def _heavy_mean() -> float:
    capped = SCALE ** (1 / TAIL)
    return float(capped + SCALE * (1 - capped ** (1 - TAIL)) / (1 - TAIL))


def _tied(events: int, streams: int, dice: Dice) -> Values:
    values, chances = TIES
    return np.asarray(dice.choice(values, (events, streams), p=chances))


def _sticky(events: int, streams: int, dice: Dice) -> Values:
    """Return errors of which each repeats the one before with a chance of STICKY and else is drawn anew."""
    drawn = (dice.random((events, streams)) < 0.1).astype(np.float64)
    repeats = dice.random((events, streams)) < STICKY
    for at in range(1, events):
        drawn[at] = np.where(repeats[at], drawn[at - 1], drawn[at])
    return drawn


def _batched(events: int, streams: int, dice: Dice) -> Values:
    return dice.binomial(BATCH, 0.1, (events, streams)) / BATCH


STREAMS = {
    "errors 1 %": Stream(0.01, errors(0.01)),
    "errors 10 %": Stream(0.1, errors(0.1)),
    "errors 30 %": Stream(0.3, errors(0.3)),
    "errors 10 % in batches of 20": Stream(0.1, _batched, batch=BATCH),
    "scores, heavy tail": Stream(_heavy_mean(), _heavy, proportion=False),
    "scores, ties": Stream(float(np.dot(*TIES)), _tied, proportion=False),
    "errors 10 %, season of +-3 points": Stream(0.1, _seasonal, fair=False),
    "errors 10 %, autocorrelation 0.3": Stream(0.1, _sticky, fair=False),
}
SHIFTS = (
    (0.01, 0.03),
    (0.01, 0.05),
    (0.05, 0.1),
    (0.05, 0.15),
    (0.1, 0.13),
    (0.1, 0.2),
    (0.1, 0.4),
    (0.2, 0.3),
    (0.3, 0.4),
    (0.3, 0.6),
)
