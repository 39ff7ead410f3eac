"""What the demonstration plays: which prompts, how fast, how long, and what counts as success."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.commands.demo.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Bars:
    """What a run must reach.

    Attributes:
        recovered: Share of the lost metric that the fix wins back on shifted held-out prompts.
        earlier_loss: How much of it the fix may cost on earlier held-out prompts.
        metric: The app's primary metric in words.
    """

    recovered: float = 0.8
    earlier_loss: float = 0.08
    metric: str = "accuracy"


FLIPPED_LAYERS = 12


@dataclass(frozen=True, slots=True)
class Scenario:
    """One play of the three acts.

    Attributes:
        constraint: Form that held-out answers are asked for in, as vLLM's `structured_outputs`; empty for none.
        history: Labelled traffic of the past, from which version 1 is trained.
        earlier: Live traffic of the kind that version 1 knows.
        shifted: Live traffic after the shift.
        flipped: Rows whose spoilt answers make the bad adapter of act 3.
        spoilt: What the bad adapter is trained on, in words.
        spoilt_by: What was done to it, in words.
        max_tokens: Longest answer that a client asks for.
        fitting: Further arguments of training.methods.fit_file for the bad adapter.
        relearn: Lines of the configuration's `training` that are exchanged before the shift, old to new.
        rate: Calls a second that the clients try to make.
        baseline_s: How long act 1 serves before the shift.
        flipped_steps: Training steps of the bad adapter, on the top FLIPPED_LAYERS layers.
        patience_s: How long nothing may move in any one stage.
    """

    app: str
    constraint: Mapping[str, object]
    history: Sequence[Prompt]
    earlier: Sequence[Prompt]
    shifted: Sequence[Prompt]
    held_out_earlier: Sequence[Prompt]
    held_out_shifted: Sequence[Prompt]
    flipped: Sequence[Prompt]
    spoilt: str = "flipped labels"
    spoilt_by: str = "labels flipped"
    max_tokens: int = 4
    fitting: Sequence[str] = ()
    relearn: Mapping[str, str] = field(default_factory=dict)
    rate: float = 5.0
    baseline_s: float = 30.0
    flipped_steps: int = 25
    patience_s: float = 600.0
    bars: Bars = field(default_factory=Bars)
