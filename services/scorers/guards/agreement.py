"""How far two guards agree on the same calls, by Cohen's kappa (1960): overall, and for each hazard both can name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.scorers.contract import Score


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement of two raters on yes or no.

    Attributes:
        count: Calls that both judged.
        agreed: Share of them on which both say the same; 1 for none.
        kappa: Agreement beyond chance, at most 1, 0 for chance; None where chance alone would agree always, as when
            neither ever says yes.
    """

    count: int
    agreed: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two guards on the same calls; what one of them could not judge counts nowhere."""

    overall: Kappa
    by_hazard: Mapping[str, Kappa] = field(default_factory=dict)


def agreement(
    some: Sequence[Score], others: Sequence[Score], *, flagged: str = "unsafe", hazards: Iterable[str] = ()
) -> Agreement:
    """Return how far two guards' scores agree.

    Args:
        some: One guard's score of each call.
        others: The other's of the same calls, in the same order.
        flagged: The label that counts as yes.
        hazards: That both can name (services.scorers.guards.hazards.nameable); each is compared apart.

    Example:
        >>> safe, unsafe = Score("prompt.a", 0.1, "safe"), Score("prompt.a", 0.9, "unsafe")
        >>> agreement([safe, unsafe, unsafe, safe], [safe, unsafe, safe, safe]).overall.kappa
        0.5
    """
    pairs = zip(some, others, strict=True)
    both = [(one, other) for one, other in pairs if one.value is not None and other.value is not None]
    overall = cohen([(one.label == flagged, other.label == flagged) for one, other in both])
    by_hazard = {
        hazard: cohen([(hazard in one.categories, hazard in other.categories) for one, other in both])
        for hazard in sorted(set(hazards))
    }
    return Agreement(overall, by_hazard)


def cohen(pairs: Sequence[tuple[bool, bool]]) -> Kappa:
    """Return the agreement of two raters' answers to the same questions."""
    count = len(pairs)
    if count == 0:
        return Kappa(0, 1.0, None)
    agreed = sum(one == other for one, other in pairs) / count
    yes, yes_too = sum(one for one, _ in pairs) / count, sum(other for _, other in pairs) / count
    by_chance = yes * yes_too + (1 - yes) * (1 - yes_too)
    return Kappa(count, agreed, None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance))
