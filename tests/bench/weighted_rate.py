"""Is the weighted rate right, and is its interval? Simulated streams under the product's own sampling policy.

    python -m tests.bench.weighted_rate [--streams 2000] [--calls 3000000] [--seed 1]

A stream is a day of calls, 35 a second on average, in quarters of an hour. Load follows the hour and has bursts;
now and then a wave of harmless calls looks suspicious. A guard that makes no mistakes may judge 5 % of the day's
calls. Its chances in a quarter follow what the quarter before brought (stream_processors.scoring.budget), as
they do in the product. Where few of the unsafe calls that the cheap scorer misses are drawn (`--calls 200000` at
0.1 %), the interval errs on the wide side.

Prints one JSON line and ends with 1 where coverage is out of bounds in a case, or bias over all cases; of a dozen
cases without any bias one is beyond two standard errors on every other day, so of single ones 3 are allowed.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from math import sqrt

import numpy as np
import numpy.typing as npt

from schemas.proportions import Z_95
from schemas.weighted_rates import WeightedRate, WeightedSums, hajek, horvitz_thompson
from stream_processors.scoring.budget import Budget, Chances, Load, chances

QUARTERS, QUARTER_S = 96, 900.0
BUDGET = 0.05
RATES = (0.001, 0.01, 0.05)
COVERAGE = (0.93, 0.97)
BIAS_SE, BIAS_SE_OF_ONE = 2.0, 3.0
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cheap:
    """What a cheap scorer finds suspicious: shares of the unsafe calls and of the safe ones, waves aside."""

    unsafe: float
    safe: float


QUALITIES = {
    "good": Cheap(0.9, 0.01),
    "fair": Cheap(0.6, 0.02),
    "useless": Cheap(0.02, 0.02),
    "wrong": Cheap(0.0, 0.03),
}


@dataclass(frozen=True, slots=True)
class Strata:
    """Calls of a stream by quarter."""

    suspicious_unsafe: Counts
    suspicious_safe: Counts
    rest_unsafe: Counts
    rest_safe: Counts


@dataclass(frozen=True, slots=True)
class Found:
    """What a case's streams say.

    Attributes:
        bias_se: Mean error over its standard error.
        coverage: Share of the intervals that hold the true rate.
        wilson: The same of Wilson's interval on the effective count.
        width: Of the interval, mean, in true rates.
        judged: Share of the calls that the guard saw.
    """

    rate: float
    quality: str
    bias_se: float
    coverage: float
    wilson: float
    horvitz_thompson: float
    width: float
    judged: float

    @property
    def good(self) -> bool:
        """Whether it is within the bars."""
        return abs(self.bias_se) <= BIAS_SE_OF_ONE and COVERAGE[0] <= self.coverage <= COVERAGE[1]


def streams(rate: float, cheap: Cheap, *, calls: int, count: int, seed: int) -> Iterator[WeightedSums]:
    """Yield what the guard finds in each of some streams."""
    dice = np.random.default_rng([seed, round(rate * 1e6), round(cheap.unsafe * 1e6), calls])
    budget = Budget(base=BUDGET, calls_a_minute=BUDGET * calls * 60 / (QUARTERS * QUARTER_S))
    for _ in range(count):
        strata = _stream(rate, cheap, calls, dice)
        yield _judged(strata, _chances(strata, budget), dice)


def found(rate: float, quality: str, *, calls: int, count: int, seed: int) -> Found:
    """Return what the streams of one case say."""
    sums = list(streams(rate, QUALITIES[quality], calls=calls, count=count, seed=seed))
    estimates = [hajek(one) for one in sums]
    known = [horvitz_thompson(one, calls) for one in sums]
    errors = np.array([estimate.rate - rate for estimate in estimates])
    return Found(
        rate,
        quality,
        bias_se=float(errors.mean() / errors.std(ddof=1) * sqrt(len(errors))),
        coverage=_coverage([(estimate.low, estimate.high) for estimate in estimates], rate),
        wilson=_coverage([_wilson(estimate) for estimate in estimates], rate),
        horvitz_thompson=_coverage([(estimate.low, estimate.high) for estimate in known], rate),
        width=float(np.mean([estimate.high - estimate.low for estimate in estimates]) / rate),
        judged=float(np.mean([one.count for one in sums]) / calls),
    )


def _stream(rate: float, cheap: Cheap, calls: int, dice: np.random.Generator) -> Strata:
    hours = np.arange(QUARTERS) / 4
    load = 1 + 0.8 * np.sin(2 * np.pi * (hours - 9) / 24) + 2.0 * (dice.random(QUARTERS) < 0.03)
    # So many calls in all, as a stream's length is known and no part of what is estimated.
    of_quarter = dice.multinomial(calls, load / load.sum())
    wave = np.where(dice.random(QUARTERS) < 0.05, 10.0, 1.0)
    unsafe = dice.binomial(of_quarter, rate)
    suspicious_unsafe = dice.binomial(unsafe, cheap.unsafe)
    suspicious_safe = dice.binomial(of_quarter - unsafe, cheap.safe * wave)
    return Strata(suspicious_unsafe, suspicious_safe, unsafe - suspicious_unsafe, of_quarter - unsafe - suspicious_safe)


def _chances(strata: Strata, budget: Budget) -> list[Chances]:
    suspicious = (strata.suspicious_unsafe + strata.suspicious_safe) / QUARTER_S
    rest = (strata.rest_unsafe + strata.rest_safe) / QUARTER_S
    before = np.maximum(0, np.arange(QUARTERS) - 1)
    return [chances(budget, Load(suspicious=float(suspicious[at]), rest=float(rest[at]))) for at in before]


def _judged(strata: Strata, told: list[Chances], dice: np.random.Generator) -> WeightedSums:
    sums = WeightedSums()
    for_suspicious, for_rest = (np.array([getattr(one, name) for one in told]) for name in ("suspicious", "rest"))
    for unsafe, safe, chance in (
        (strata.suspicious_unsafe, strata.suspicious_safe, for_suspicious),
        (strata.rest_unsafe, strata.rest_safe, for_rest),
    ):
        hits, misses, weight = dice.binomial(unsafe, chance), dice.binomial(safe, chance), 1 / chance
        drawn = hits + misses
        sums = WeightedSums.together((sums, _sums(hits, drawn, weight)))
    return sums


def _sums(hits: Counts, drawn: Counts, weight: npt.NDArray[np.float64]) -> WeightedSums:
    return WeightedSums(
        count=int(drawn.sum()),
        hits=int(hits.sum()),
        weight=float(weight @ drawn),
        weight_squared=float(weight**2 @ drawn),
        hit_weight=float(weight @ hits),
        hit_weight_squared=float(weight**2 @ hits),
    )


def _wilson(estimate: WeightedRate) -> tuple[float, float]:
    share, count = estimate.rate, estimate.effective_count
    centre = share + Z_95**2 / (2 * count)
    spread = Z_95 * sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2))
    return (centre - spread) / (1 + Z_95**2 / count), (centre + spread) / (1 + Z_95**2 / count)


def _coverage(intervals: list[tuple[float, float]], rate: float) -> float:
    return float(np.mean([low <= rate <= high for low, high in intervals]))


def main() -> None:
    """Run all cases and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2000, help="of each case")
    parser.add_argument("--calls", type=int, default=3_000_000, help="in a stream")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    told = [
        found(rate, quality, calls=wanted.calls, count=wanted.streams, seed=wanted.seed)
        for rate, quality in product(RATES, QUALITIES)
    ]
    cases = [{name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(one).items()} for one in told]
    bias_se = sum(one.bias_se for one in told) / sqrt(len(told))
    good = abs(bias_se) <= BIAS_SE and all(one.good for one in told)
    whole = {"bias_se": round(bias_se, 3), "coverage": round(sum(one.coverage for one in told) / len(told), 4)}
    line = {"bench": "weighted_rate", **vars(wanted), "budget": BUDGET, **whole, "good": good, "cases": cases}
    print(json.dumps(line))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
