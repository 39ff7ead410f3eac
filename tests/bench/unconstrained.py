"""`python -m tests.bench.unconstrained`: what speaking without a constraint costs the guard of the demonstration.

Fits the packaged base to the demonstration's history by its own policy, with and without `unconstrained`, each with the
same seed, by turns. Printed of each: processor and wall seconds of the training, right answers under the constraint on
300 held-out prompts of the earlier and of the shifted kind, and of 100 of them how many are answered by the same
label without the constraint and then end.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from schemas.configuration_parser import parse_configuration
from schemas.inference import Message
from schemas.settings import Settings
from schemas.training_policy import Training
from services.commands.demo.prompt import Prompt
from services.commands.demo.scenario import Scenario
from services.commands.demo.smollm2 import packaged_scenario
from services.models.base import base_model_folder
from training.data.dataset import Example, Split
from training.judging.evaluation import judge
from training.judging.unconstrained import answered_freely
from training.methods.catalogue import method_named
from training.methods.lessons import Lessons

BASE, LABELS = "SmolLM2-135M-Instruct", ("safe", "unsafe")
CONFIGURATION = Path("services/commands/demo/driftloop.yaml")
VALIDATED = 10


def main() -> None:
    """Measure and print a line for each training."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.unconstrained", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="trainings of either kind, each with a seed of its own")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    base = base_model_folder(BASE, Settings.from_environment().data)
    scenario = packaged_scenario()
    for turn in range(given.rounds):
        for unconstrained in (False, True) if turn % 2 == 0 else (True, False):
            policy = msgspec.structs.replace(_policy(), unconstrained=unconstrained, seed=given.seed + turn)
            print(_measured(base, scenario, policy), flush=True)


def _policy() -> Training:
    text = CONFIGURATION.read_text().replace(f"${{DRIFTLOOP_BASE_MODEL:-{BASE}}}", BASE)
    text = text.partition("\nsubscriptions:")[0]
    return parse_configuration(text, CONFIGURATION.parent).training_of("prompt-guard")


def _measured(base: Path, scenario: Scenario, policy: Training) -> str:
    rows = _examples(scenario.history[: policy.max_rows], "train")
    lessons = Lessons(rows[len(rows) // VALIDATED :], LABELS, rows[: len(rows) // VALIDATED])
    held_out = [_examples(part, "holdout") for part in (scenario.held_out_earlier, scenario.held_out_shifted)]
    with tempfile.TemporaryDirectory() as work:
        began, used = time.monotonic(), time.process_time()
        fit = method_named("choices").fit
        adapter = fit(base, lessons, policy, work=Path(work), on_progress=lambda _: None)
        took, used = time.monotonic() - began, time.process_time() - used
        earlier, shifted = (_right(base, adapter, examples) for examples in held_out)
        everything = [example for examples in held_out for example in examples]
        freely = answered_freely(base, adapter, labels=LABELS, held_out=everything, seed=policy.seed)
    return (
        f"unconstrained={policy.unconstrained!s:<5} seed={policy.seed} "
        f"training {used:.1f} s of processors, {took:.1f} s; "
        f"right: earlier {earlier:.3f}, shifted {shifted:.3f}; without constraint the same label and its end: "
        f"{freely.same} of {freely.count}"
    )


def _right(base: Path, adapter: Path, held_out: Sequence[Example]) -> float:
    judged = judge(base, adapter, adapter, labels=LABELS, held_out=held_out)
    return sum(row.candidate_correct for row in judged) / len(judged)


def _examples(prompts: Sequence[Prompt], split: Split) -> list[Example]:
    return [
        Example(
            request_id=str(at),
            messages=msgspec.convert(list(prompt.messages), tuple[Message, ...]),
            prompt=prompt.messages[-1]["content"],
            label=prompt.known.label or "",
            slice=prompt.slice,
            recent=True,
            split=split,
        )
        for at, prompt in enumerate(prompts)
    ]


if __name__ == "__main__":
    main()
