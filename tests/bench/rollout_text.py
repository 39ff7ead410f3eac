"""How often a rollout of an app that writes is taken back, by what its version is like: one JSON line.

    python -m tests.bench.rollout_text [RUNS]

Simulated: three canary steps, a look after every window of 5 s and 400 answers, a fifth of them rated, a twentieth
corrected. `alpha` bounds `harmed` of an equal version and of one that is worse by exactly its margin. `promoted` of
such a one is for fitness to bound, not for harm.
"""

import json
import sys
import time
from dataclasses import asdict

from services.rollout.judge import HARM_ALPHA
from tests.services.rollout.text_rollouts import AT_MARGIN, STABLE, WORSE, Behaviour, Tally, simulated


def tally(candidate: Behaviour, runs: int) -> dict[str, float]:
    """Return shares over seeded rollouts."""
    return asdict(Tally.of([simulated(seed, candidate, STABLE) for seed in range(runs)]))


def main(runs: int) -> None:
    """Print the line."""
    began = time.process_time()
    figures = {
        "alpha": HARM_ALPHA,
        "equal": tally(STABLE, runs),
        **{f"at_margin_{name}": tally(candidate, runs // 2) for name, candidate in AT_MARGIN.items()},
        **{f"worse_{name}": tally(candidate, runs // 2) for name, candidate in WORSE.items()},
    }
    print(json.dumps({**figures, "cpu_s": round(time.process_time() - began, 1)}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
