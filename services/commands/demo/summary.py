"""The demonstration's result as data, and the bars it is held to."""

import msgspec

from schemas.learning import Accuracy
from services.commands.demo.scenario import Bars


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the summary."""


class Events(Part, frozen=True, kw_only=True):
    """Events that clients know they sent, against what the warehouse holds.

    Attributes:
        sent: Calls answered to clients, twice (request and response), shadow answers, feedback,
            imported history, and the malformed messages sent on purpose.
        lost: Ids sent that are nowhere.
    """

    sent: int
    stored: int
    dead_lettered: int
    lost: int
    failed_calls: int


class Accuracies(Part, frozen=True, kw_only=True):
    """On held-out prompts, none of which was ever sent as traffic.

    Attributes:
        baseline: Version 1 on earlier traffic.
        after_shift: Version 1 on shifted traffic.
        after_fix: The promoted version on shifted traffic.
        recovered_share: (after_fix - after_shift) / (baseline - after_shift).
        slices: Each slice of both kinds under version 1 and under the promoted version.
        worse: Slices on which the promoted version is worse.
    """

    baseline: Accuracy
    after_shift: Accuracy
    after_fix: Accuracy
    earlier_after_fix: Accuracy
    recovered_share: float
    slices: dict[str, dict[str, Accuracy]]
    worse: tuple[str, ...]


class Times(Part, frozen=True, kw_only=True):
    """Seconds between what happened and what the system did about it."""

    shift_to_drift_detected: float | None
    shift_to_breach: float
    breach_to_alert_delivered: float
    alert_to_training_started: float
    training: float
    gate: float
    rollout: float
    breach_to_fix_served: float


class Verdict(Part, frozen=True, kw_only=True):
    """The gate on one version."""

    version: str
    passed: bool
    reasons: tuple[str, ...]


class Rollback(Part, frozen=True, kw_only=True):
    """What became of the version that was forced past the gate.

    Attributes:
        peak_share: Largest share of users that its routes ever gave it.
        allowed_share: The policy's first canary step.
        seconds: From the first canary route to the roll-back.
        answered: Calls of users that it answered.
    """

    version: str
    refused_first: bool
    peak_share: float
    allowed_share: float
    seconds: float
    answered: int
    reason: str


class Summary(Part, frozen=True, kw_only=True):
    """The whole run."""

    passed: bool
    failures: tuple[str, ...]
    events: Events
    accuracy: Accuracies
    times: Times
    versions: tuple[str, ...]
    gate: tuple[Verdict, ...]
    rollback: Rollback
    false_alarms: int
    lineage: dict[str, object]
    duration_s: float
    peak_rss_mb: float
    machine: str


def recovered_share(*, baseline: float, after_shift: float, after_fix: float) -> float:
    """Return how much of the lost accuracy came back; 1 is all of it, more is better than before.

    Raises:
        ValueError: Nothing was lost, so there is nothing to recover.
    """
    if baseline <= after_shift:
        raise ValueError(f"no loss to recover: {baseline:.3f} before, {after_shift:.3f} after the shift")
    return (after_fix - after_shift) / (baseline - after_shift)


def failures(
    *,
    events: Events,
    accuracy: Accuracies,
    rollback: Rollback,
    false_alarms: int,
    unresolved: list[str],
    bars: Bars,
) -> list[str]:
    """Return each bar that the run missed, in words; an empty list is success."""
    found = []
    if events.sent != events.stored + events.dead_lettered or events.lost:
        found.append(
            f"events: {events.sent} sent, {events.stored} stored + {events.dead_lettered} dead-lettered, "
            f"{events.lost} lost"
        )
    if accuracy.recovered_share < bars.recovered:
        found.append(
            f"{bars.metric}: {accuracy.recovered_share:.0%} of the loss recovered, at least {bars.recovered:.0%} wanted"
        )
    loss = accuracy.baseline.value - accuracy.earlier_after_fix.value
    if loss > bars.earlier_loss:
        found.append(f"{bars.metric}: earlier traffic lost {loss:.3f}, at most {bars.earlier_loss} allowed")
    if false_alarms:
        found.append(f"monitors: {false_alarms} alerts fired before the shift")
    if not rollback.refused_first:
        found.append("gate: the adapter of flipped labels was not refused")
    if rollback.peak_share > rollback.allowed_share:
        found.append(f"rollback: share {rollback.peak_share} above the allowed {rollback.allowed_share}")
    found += [f"lineage: {name} does not resolve" for name in unresolved]
    return found
