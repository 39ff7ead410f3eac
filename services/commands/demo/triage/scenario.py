"""The triage scenario: SmolLM2 writes category and severity as JSON, and hears corrections or thumbs alone."""

import random
from collections.abc import Iterable
from dataclasses import replace

from services.commands.demo.scenario import Bars, Scenario
from services.commands.demo.triage.reports import (
    Report,
    earlier_traffic,
    held_out_earlier,
    held_out_shifted,
    shifted_traffic,
)

HISTORY = 300
HELD_OUT = 120
SPOILT = 200
STILL_EARLIER = 0.25
# 13 tokens and the end mark are the longest right answer.
MAX_TOKENS = 24
# Preferences are learnt from more gently than answers.
BY_THUMBS = {"method: sft": "method: kto", "learning_rate: 1.0e-3": "learning_rate: 2.0e-4"}


def triage_scenario(seed: int = 5, *, thumbs: bool = False) -> Scenario:
    """Return the scenario of `driftloop demo --app triage`.

    After the shift a quarter of the traffic is still of the earlier kind.

    Args:
        thumbs: Whether users say no more than a thumb after the history; the next version then learns by KTO.
    """
    shuffle = random.Random(seed)
    earlier, shifted = _shuffled(earlier_traffic(), shuffle), _shuffled(shifted_traffic(), shuffle)
    history, live = earlier[:HISTORY], earlier[HISTORY:]
    still = live[: round(len(shifted) * STILL_EARLIER / (1 - STILL_EARLIER))]
    mixed = _shuffled([*shifted, *still], shuffle)
    return Scenario(
        app="triage",
        constraint={},
        history=history,
        earlier=_heard(live, thumbs),
        shifted=_heard(mixed, thumbs),
        held_out_earlier=held_out_earlier()[:HELD_OUT],
        held_out_shifted=held_out_shifted()[:HELD_OUT],
        flipped=history[:SPOILT],
        spoilt="poisoned corrections",
        spoilt_by="corrections poisoned",
        max_tokens=MAX_TOKENS,
        fitting=("--method", "sft", "--learning-rate", "1e-3"),
        relearn=BY_THUMBS if thumbs else {},
        rate=3.0,
        flipped_steps=40,
        bars=Bars(recovered=0.5 if thumbs else 0.8, metric="field F1"),
    )


def _heard(reports: Iterable[Report], thumbs: bool) -> list[Report]:
    return [replace(report, thumbed=thumbs) for report in reports]


def _shuffled(reports: Iterable[Report], shuffle: random.Random) -> list[Report]:
    drawn = list(reports)
    shuffle.shuffle(drawn)
    return drawn
