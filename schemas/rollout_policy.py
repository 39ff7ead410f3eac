"""How a version reaches users: the `rollout` section of the configuration."""

from typing import Annotated, Literal

import msgspec

from schemas.scoring import Endpoint, ScorerEntry, fault_of
from schemas.section import Key, Positive, Section, Share

Margin = Annotated[float, msgspec.Meta(ge=0, le=1)]
Stars = Annotated[float, msgspec.Meta(ge=0, le=4)]
Times = Annotated[float, msgspec.Meta(ge=1)]


class PairJudge(Section, frozen=True, kw_only=True):
    """A chat model that compares a shadow's answer with the one that the user got to the same request.

    Attributes:
        endpoint: Of form judge; its rubric says what makes an answer the better one.
        sample: Share of the mirrored requests whose answers are compared.
        most: Pairs that are judged in one rollout, each by two calls: a budget.
        needed: Pairs that the endpoint must have been asked about before shadow ends well, judged or not.
        margin: How far the share of pairs won, ties counting half, may lie below one half.
    """

    endpoint: Endpoint
    sample: Share = 1.0
    most: Positive = 200
    needed: Positive = 20
    margin: Margin = 0.1

    @property
    def fault(self) -> str:
        """What is wrong with it, its key first; empty when nothing is."""
        if self.endpoint.form != "judge":
            return "endpoint.form: a pair is compared by a judge"
        if self.endpoint.rubric_file:
            return "endpoint.rubric_file: write the rubric here, as 'rubric'"
        if self.needed > self.most:
            return "needed: more pairs than 'most' allows"
        return fault_of(ScorerEntry(name="judge", endpoint=self.endpoint))


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
        rating_margin: How many stars of five its mean rating may lie below stable's; this and what follows is of
            apps that do not classify.
        thumbs_down_margin: By how much its share of thumbs that point down may exceed stable's.
        correction_margin: Likewise the share of its answers that somebody corrected.
        edit_margin: Likewise how much of an answer is changed by its correction; one without counts as unchanged.
        refusal_margin: Likewise the share of refusals.
        unsafe_margin: Likewise the share of unsafe answers.
        format_margin: Likewise the share of answers that lack the form asked for.
        length_ratio: How many times longer or shorter its answers may be.
        cost_ratio: How many times dearer.
        judge: Compares a shadow's answers with those that users got.
        give_up_after: A step that can't be judged in this time is rolled back.
    """

    app: Key
    strategy: Literal["canary", "blue-green", "shadow-only"] = "canary"
    mirror: Share = 0.5
    shadow_for: str = "1m"
    steps: tuple[Share, ...] = (0.05, 0.25, 0.5)
    step_for: str = "5m"
    min_count: Positive = 30
    accuracy_margin: Margin = 0.05
    error_margin: Margin = 0.02
    latency_ratio: Times = 2.0
    rating_margin: Stars = 0.25
    thumbs_down_margin: Margin = 0.05
    correction_margin: Margin = 0.05
    edit_margin: Margin = 0.05
    refusal_margin: Margin = 0.03
    unsafe_margin: Margin = 0.01
    format_margin: Margin = 0.02
    length_ratio: Times = 2.0
    cost_ratio: Times = 2.0
    judge: PairJudge | None = None
    give_up_after: str = "1h"
