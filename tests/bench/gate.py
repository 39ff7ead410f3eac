"""Does the gate let the right versions through? Simulated pairs of versions, judged by the product's own gate.

    python -m tests.bench.gate [--pairs 2000] [--seed 2]

A pair answers 300 recent and 300 earlier held-out prompts, and the packaged harmful and harmless ones. How far two
versions agree decides what 300 prompts can show, so every case names it: `differ` is the share of recent prompts of
which exactly one version is right (or, graded, that both answer differently), `earlier_differ` of earlier ones, which
both have learnt and on which they are equally good. The bars hold for the agreement of two versions of which one was
trained on from the other; the curve shows what is left where they agree less.

Bars: a version that is no better passes in at most 5 % of the pairs; one that is better by 5 points in at least
80 %; one that is better but answers 3 points more of the harmful prompts in at most 5 %. An upper bar is missed
only where the passes exceed it by more than chance, two standard errors, would.

Prints one JSON line and ends with 1 where a bar is missed. The cases were chosen on seed 1.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from schemas.gate_policy import GatePolicy
from tests.bench.machine import machine
from training.judging.conduct import Conduct, Pair
from training.judging.gate import Judged, decide
from training.judging.safety_prompts import HARMLESS_SHARE
from training.judging.statistics import Values

PROMPTS = 300
REALISTIC = 0.10
POLICY = GatePolicy()
HARMFUL, HARMLESS = POLICY.safety_prompts, round(HARMLESS_SHARE * POLICY.safety_prompts)
BARS = 9
_SPREAD, _CENTRE = 1.4, 0.3
Random = np.random.Generator
Draw = Callable[[Random, int, float, float], Pair]
Bar = Literal["at most 5 %", "at least 80 %", ""]


@dataclass(frozen=True, slots=True)
class Case:
    """Pairs of one kind.

    Attributes:
        gain: How much better the candidate truly is on recent prompts.
        differ: Share of recent prompts on which the two differ.
        earlier: Of earlier ones the same, as a share of `differ`.
        unsafe: How much larger a share of harmful prompts it truly answers.
        astray: Share of harmful prompts on which the two differ.
        bar: What is to hold; none for a point of the curve.
    """

    name: str
    draw: Draw
    gain: float
    differ: float = REALISTIC
    unsafe: float = 0.0
    astray: float = 0.02
    earlier: float = 0.4
    bar: Bar = ""


def right_or_wrong(random: Random, count: int, gain: float, differ: float) -> Pair:
    """Draw right and wrong answers: the incumbent is right on 0.8 of the prompts, as far as `differ` allows."""
    fate, same = random.random(count), random.random(count) < 0.8
    won, lost = fate < (differ + gain) / 2, fate >= 1 - (differ - gain) / 2
    return Pair(np.where(won, 1.0, np.where(lost, 0.0, same)), np.where(won, 0.0, np.where(lost, 1.0, same)))


def graded(random: Random, count: int, gain: float, differ: float) -> Pair:
    """Draw grades as chrF gives them, spread over 0 to 1; where the two differ, they agree by 0.6 on a logit scale."""
    first = random.standard_normal(count)
    other = np.where(
        random.random(count) < differ, 0.6 * first + 0.8 * random.standard_normal(count) + _shift(gain, differ), first
    )
    return Pair(_grade(other), _grade(first))


def in_thirds(random: Random, count: int, gain: float, differ: float) -> Pair:
    """Draw grades of three fields each, as field F1 gives them: few values, many of them 1."""
    pair = right_or_wrong(random, count, 1.5 * gain, differ)
    fields = random.choice([1 / 3, 2 / 3, 1.0], count)
    lose = pair.candidate < pair.incumbent
    win = pair.candidate > pair.incumbent
    return Pair(
        np.where(lose, 1 - fields, np.where(win, 1.0, 0.9)), np.where(win, 1 - fields, np.where(lose, 1.0, 0.9))
    )


@cache
def _shift(gain: float, differ: float) -> float:
    """Return what moves the differing answers so that the mean gains as much as it is to: by bisection."""
    random = np.random.default_rng(0)
    first, noise = random.standard_normal(400_000), random.standard_normal(400_000)
    low, high = -8.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        mean = differ * float(np.mean(_grade(0.6 * first + 0.8 * noise + middle) - _grade(first)))
        low, high = (middle, high) if mean < gain else (low, middle)
    return (low + high) / 2


def _grade(latent: npt.NDArray[np.float64]) -> Values:
    return 1 / (1 + np.exp(-(_CENTRE + _SPREAD * latent)))


def cases() -> Iterator[Case]:
    """Yield the bars, BARS of them, then the curve."""
    kinds: tuple[tuple[str, Draw, float], ...] = (
        ("right or wrong", right_or_wrong, REALISTIC),
        ("graded", graded, 0.5),
        ("in thirds", in_thirds, REALISTIC + 0.05),
    )
    for name, draw, differ in kinds:
        yield Case(f"{name}, no better", draw, 0.0, differ, bar="at most 5 %")
        yield Case(f"{name}, better by 5 points", draw, 0.05, differ, bar="at least 80 %")
        yield Case(f"{name}, better, less safe by 3 points", draw, 0.1, max(differ, 0.2), 0.03, 0.05, bar="at most 5 %")
    for differ in (0.06, 0.08, 0.12, 0.15, 0.2, 0.3):
        yield Case("right or wrong, no better", right_or_wrong, 0.0, differ, bar="at most 5 %")
        yield Case("right or wrong, better by 5 points", right_or_wrong, 0.05, differ)
    yield Case("graded, no better", graded, 0.0, 1.0, bar="at most 5 %")
    yield Case("graded, better by 5 points", graded, 0.05, 1.0)
    yield Case("right or wrong, better by 5 points, as little agreed on earlier", right_or_wrong, 0.05, earlier=1.0)
    for astray in (0.04, 0.08):
        yield Case("right or wrong, better by 5 points, harmful prompts", right_or_wrong, 0.05, astray=astray)


def share_passed(case: Case, pairs: int, random: Random) -> float:
    """Return the share of pairs of which the gate lets the candidate through."""
    return sum(_passes(case, random) for _ in range(pairs)) / pairs


def _passes(case: Case, random: Random) -> bool:
    recent = case.draw(random, PROMPTS, case.gain, case.differ)
    earlier = case.draw(random, PROMPTS, 0.0, case.earlier * case.differ)
    judged = [*_judged(recent, recent=True), *_judged(earlier, recent=False)]
    # Cost is refused by what is observed: there is no level to be simulated.
    no_cost = Pair(np.zeros(0), np.zeros(0))
    conduct = Conduct(
        answered=right_or_wrong(random, HARMFUL, case.unsafe, case.astray),
        refused=right_or_wrong(random, HARMLESS, 0.0, 0.02),
        tokens=no_cost,
        seconds=no_cost,
    )
    return decide(judged, POLICY, seed=int(random.integers(1 << 30)), conduct=conduct).passed


def _judged(pair: Pair, *, recent: bool) -> Iterator[Judged]:
    for candidate, incumbent in zip(pair.candidate, pair.incumbent, strict=True):
        yield Judged(recent, "", "", float(candidate), float(incumbent))


def missed(case: Case, passed: float, pairs: int) -> bool:
    """Tell whether a case misses its bar, chance aside."""
    if case.bar == "at most 5 %":
        return passed > 0.05 + 2 * sqrt(0.05 * 0.95 / pairs)
    return case.bar == "at least 80 %" and passed < 0.8


def main() -> None:
    """Simulate every case and print the line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gate", description="Simulate the gate.")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--curve", action="store_true", help="only what has no such bar")
    parser.add_argument(
        "--bars", action="store_true", help="only what has a bar at the agreement of versions in succession"
    )
    given = parser.parse_args()
    begun = time.process_time()
    rows, wrong = [], False
    for number, case in enumerate(cases()):
        if given.only not in case.name or (given.bars and number >= BARS) or (given.curve and number < BARS):
            continue
        passed = share_passed(case, given.pairs, np.random.default_rng((given.seed, number)))
        wrong |= missed(case, passed, given.pairs)
        shown = {
            "case": case.name,
            "differ": case.differ,
            "earlier_differ": round(case.earlier * case.differ, 3),
            "harmful_differ": case.astray,
            "passed": round(passed, 4),
        }
        rows.append({**shown, **({"bar": case.bar} if case.bar else {})})
    line = {
        "bench": "gate",
        "pairs": given.pairs,
        "seed": given.seed,
        "prompts": PROMPTS,
        "harmful": HARMFUL,
        "cases": rows,
        "bars_missed": wrong,
        "processor_s": round(time.process_time() - begun, 1),
        "machine": machine(),
    }
    print(json.dumps(line))
    sys.exit(wrong)


if __name__ == "__main__":
    main()
