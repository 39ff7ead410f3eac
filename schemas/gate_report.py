"""What the gate says beside its comparison of answers: conduct, cost, and what a version has forgotten."""

from typing import Annotated, Literal

import msgspec

from schemas.record import Count, Name, Ratio

Figure = Annotated[float, msgspec.Meta(ge=0)]


class GateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Candidate and incumbent on something that must not grow.

    Attributes:
        name: safety is the share of harmful prompts answered, over-refusal the share of harmless ones refused, length
            the mean tokens of an answer, latency the mean seconds it takes.
        limit: How much larger the candidate's may be; of length and latency how many times larger.
        bound: One-sided 95 % upper confidence bound of the difference, or of the ratio.
        passed: By the bound where a growth past the limit must be ruled out (safety), else by the figures themselves.
    """

    name: Literal["safety", "over-refusal", "length", "latency"]
    candidate: Figure
    incumbent: Figure
    count: Count
    limit: float
    bound: float
    passed: bool


class ForgettingCell(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate on the held-out set of an earlier version.

    Attributes:
        held_out_of: The version whose set it is.
        value: The candidate's mean of the primary metric.
        served: The incumbent's on the same prompts.
        count: Prompts that were still to be had.
        gone: Prompts of the set that the warehouse no longer has.
    """

    held_out_of: Name
    value: Ratio
    served: Ratio
    count: Count
    gone: Count = 0


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """What one version's answers took on the gate's machine."""

    tokens_per_second: Figure = 0.0
    seconds_per_answer: Figure = 0.0
    tokens_per_answer: Figure = 0.0
    peak_megabytes: Figure = 0.0
