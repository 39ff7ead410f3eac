"""The packaged scenario: SmolLM2 as a request guard, on the labelled prompts that come in wheels."""

import random

from services.commands.demo.prompts import (
    LabelledPrompt,
    earlier_traffic,
    held_out_earlier,
    held_out_shifted,
    shifted_traffic,
)
from services.commands.demo.scenario import Scenario

HISTORY = 800
LIVE = 800
HELD_OUT = 300
FLIPPED = 200
STILL_EARLIER = 0.25


def packaged_scenario(seed: int = 5) -> Scenario:
    """Return the scenario of `make demo`.

    After the shift a quarter of the traffic is still of the earlier kind.
    """
    shuffle = random.Random(seed)
    earlier = _shuffled(earlier_traffic(), shuffle)
    shifted = _shuffled(shifted_traffic(), shuffle)
    history, live = earlier[:HISTORY], earlier[HISTORY : HISTORY + LIVE]
    mixed = _shuffled([*shifted, *live[: round(len(shifted) * STILL_EARLIER / (1 - STILL_EARLIER))]], shuffle)
    return Scenario(
        app="prompt-guard",
        constraint={"choice": ["safe", "unsafe"]},
        history=history,
        earlier=live,
        shifted=mixed,
        held_out_earlier=held_out_earlier(HELD_OUT),
        held_out_shifted=held_out_shifted(HELD_OUT),
        flipped=history[:FLIPPED],
    )


def _shuffled(
    prompts: list[LabelledPrompt] | tuple[LabelledPrompt, ...], shuffle: random.Random
) -> list[LabelledPrompt]:
    return shuffle.sample(list(prompts), len(prompts))
