"""How a version reaches users: the `rollout` section of the configuration."""

from typing import Annotated, Literal

import msgspec

from schemas.section import Key, Positive, Section, Share


class RolloutPolicy(Section, frozen=True, kw_only=True):
    """How a version reaches users.

    Attributes:
        strategy: `canary` grows by steps; `blue-green` goes from shadow to everybody at once and keeps the former
            version loaded; `shadow-only` never answers, and waits in shadow for a person's word.
        mirror: Share of requests copied to the candidate in shadow.
        shadow_for: Least time in shadow.
        steps: The canary's growing shares of users.
        step_for: Least time on each step.
        min_count: Judged answers of the canary a step needs.
        accuracy_margin: How much worse than stable the canary may be, by its confidence bound.
        error_margin: Likewise for the share of failed calls.
        latency_ratio: How many times slower at p95 it may be.
        give_up_after: A step that can't be judged in this time is rolled back.
    """

    app: Key
    strategy: Literal["canary", "blue-green", "shadow-only"] = "canary"
    mirror: Share = 0.5
    shadow_for: str = "1m"
    steps: tuple[Share, ...] = (0.05, 0.25, 0.5)
    step_for: str = "5m"
    min_count: Positive = 30
    accuracy_margin: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    error_margin: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.02
    latency_ratio: Annotated[float, msgspec.Meta(ge=1)] = 2.0
    give_up_after: str = "1h"
