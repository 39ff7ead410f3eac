"""How much a guard may do, and the chances that keep it within that. Pure.

Calls come in two strata: those that a cheap scorer finds suspicious, and the rest. Suspicious ones are all
judged and the rest is sampled as far as the budget reaches. A part of the budget is the rest's whatever the
suspicious ones ask for: an estimate that hears nothing of the rest knows nothing of what cheap scorers miss.
"""

from dataclasses import dataclass

LEAST = 1 / 2048
"""No chance is less: what has none is in no estimate, and one that is drawn after all outweighs all others."""
REST_SHARE = 0.3
CATCH_UP_S = 60.0
STEADY = 0.15  # relative change below which chances stay as they are
_MINUTE_S, _DAY_S = 60.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Chances:
    """Probabilities of being judged, by stratum; each in (0, 1], and the rest's never above the suspicious ones'."""

    suspicious: float
    rest: float

    def __post_init__(self) -> None:
        if not 0 < self.rest <= self.suspicious <= 1:
            raise ValueError(f"no chances: suspicious {self.suspicious}, rest {self.rest}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a guard may cost; None where that is no matter.

    Attributes:
        base: Chance of what is not suspicious, when all is affordable.
        calls_a_minute: Calls judged.
        seconds_a_minute: Time spent on judging; a guard that is at work all the time is always bound by 60.
        usd_a_day: Of a remote judge, by UTC days.
    """

    base: float = 0.05
    calls_a_minute: float | None = None
    seconds_a_minute: float = 0.9 * _MINUTE_S
    usd_a_day: float | None = None

    def __post_init__(self) -> None:
        limits = (self.calls_a_minute, self.seconds_a_minute, self.usd_a_day)
        if not 0 < self.base <= 1 or any(limit is not None and limit <= 0 for limit in limits):
            raise ValueError(f"no budget: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a guard met lately.

    Attributes:
        suspicious: Suspicious calls a second, by the log's clock.
        rest: Other calls a second.
        age_s: How old the last call read was: how far the guard is behind.
        seconds_a_call: What judging one took; 0 while that is not known.
        usd_a_call: What it cost.
        usd_left: Of the day's budget.
        day_left_s: Until the day ends.
    """

    suspicious: float
    rest: float
    age_s: float = 0.0
    seconds_a_call: float = 0.0
    usd_a_call: float = 0.0
    usd_left: float = 0.0
    day_left_s: float = _DAY_S


def affordable(budget: Budget, load: Load) -> float:
    """Return the calls a second that the budget allows; infinity where nothing limits them."""
    limits = [float("inf")]
    if budget.calls_a_minute is not None:
        limits.append(budget.calls_a_minute / _MINUTE_S)
    if load.seconds_a_call > 0:
        limits.append(budget.seconds_a_minute / _MINUTE_S / load.seconds_a_call)
    if budget.usd_a_day is not None and load.usd_a_call > 0:
        limits.append(max(0.0, load.usd_left) / load.usd_a_call / max(load.day_left_s, _MINUTE_S))
    return min(limits)


def chances(budget: Budget, load: Load) -> Chances:
    """Return the chances under which a guard spends its budget on what comes, and on what waits.

    What it is behind with is to be made up for within a minute, beside what comes.

    Example:
        >>> chances(Budget(base=0.05, calls_a_minute=600), Load(suspicious=4, rest=196))
        Chances(suspicious=1.0, rest=0.030612244897959183)
        >>> chances(Budget(base=0.05, calls_a_minute=1200), Load(suspicious=64, rest=128))
        Chances(suspicious=0.21875, rest=0.046875)
    """
    behind = 1 + max(0.0, load.age_s) / CATCH_UP_S
    suspicious, rest = load.suspicious * behind, load.rest * behind
    calls = affordable(budget, load)
    for_rest = min(budget.base, _part(calls * REST_SHARE, rest))
    for_suspicious = _part(max(0.0, calls - for_rest * rest), suspicious)
    for_rest = min(budget.base, _part(max(0.0, calls - for_suspicious * suspicious), rest))
    if for_rest > for_suspicious:  # so much is suspicious that it tells nothing apart
        for_suspicious = for_rest = min(budget.base, _part(calls, suspicious + rest))
    return Chances(max(LEAST, for_suspicious), max(LEAST, for_rest))


def moved(old: Chances, new: Chances) -> bool:
    """Return whether chances differ by so much that it is worth a change; full ones are always taken up again."""
    pairs = ((old.suspicious, new.suspicious), (old.rest, new.rest))
    return any(abs(after - before) > STEADY * before or (after == 1.0 != before) for before, after in pairs)


def _part(calls: float, of: float) -> float:
    return 1.0 if of <= 0 else min(1.0, calls / of)
