"""What the demonstration plays: which prompts, how fast, how long, and what counts as success."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.commands.demo.prompts import LabelledPrompt, Messages


@dataclass(frozen=True, slots=True)
class Bars:
    """What a run must reach.

    Attributes:
        recovered: Share of the lost accuracy that the fix wins back on shifted held-out prompts.
        earlier_loss: How much accuracy the fix may cost on earlier held-out prompts.
    """

    recovered: float = 0.8
    earlier_loss: float = 0.08


FLIPPED_LAYERS = 12


@dataclass(frozen=True, slots=True)
class Scenario:
    """One play of the three acts.

    Attributes:
        history: Labelled traffic of the past, from which version 1 is trained.
        earlier: Live traffic of the kind that version 1 knows.
        shifted: Live traffic after the shift.
        flipped: Rows whose flipped labels make the bad adapter of act 3.
        messages: From a prompt to the chat messages that a client sends.
        rate: Calls a second that the clients try to make.
        baseline_s: How long act 1 serves before the shift.
        flipped_steps: Training steps of the bad adapter, on the top FLIPPED_LAYERS layers.
        patience_s: How long any one stage may take.
    """

    app: str
    choices: tuple[str, ...]
    history: Sequence[LabelledPrompt]
    earlier: Sequence[LabelledPrompt]
    shifted: Sequence[LabelledPrompt]
    held_out_earlier: Sequence[LabelledPrompt]
    held_out_shifted: Sequence[LabelledPrompt]
    flipped: Sequence[LabelledPrompt]
    messages: Callable[[LabelledPrompt], Messages]
    rate: float = 5.0
    baseline_s: float = 30.0
    flipped_steps: int = 25
    patience_s: float = 600.0
    bars: Bars = field(default_factory=Bars)
