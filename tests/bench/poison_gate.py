"""What passes the gate when curation can't remove the poison: attacks x seeds, one JSON line.

    python -m tests.bench.poison_gate [--seeds 31 32 33 34 35] [--attacks NAME ...]

An app that classifies (labels of neuralchemy) serves a version of clean labels. Then feedback comes of which a share is
poison, of the same traffic: there is nothing to mend, so whatever is learnt of poison makes it worse. The real
curation, hold-out and draw make a dataset; a logistic regression over embeddings stands for the model; the real gate
compares both on the held-out feedback, which is poisoned as the rest is. `worse` is how many candidates are worse than
the served version by the labels as they were before the attack, by more than `MATTERS`; `passed_worse` how many of
those the gate let through. `trusted_*` is the same with annotators among the honest people and a gate that asks only
what they judged (`trusted_from: 1.0`).
"""

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from sklearn.linear_model import LogisticRegression

from schemas.feedback import FeedbackGiven
from schemas.gate_policy import GatePolicy
from schemas.inference import Message
from schemas.training_policy import Training
from services.scorers.embedding import Embedder
from tests.bench.machine import machine
from tests.bench.poison_attacks import NOW, Attack, Pairs, injection_labels, labels_scene
from training.data.curation import Tools, curate
from training.data.dataset import Dataset, Example, LabelledRow
from training.data.poison.claims import Claim
from training.judging.gate import Judged, decide, trusted

EARLIER, RECENT, PEOPLE = 700, 1000, 100
MATTERS = 0.02
ANNOTATED = 0.25
LABELS = ("safe", "unsafe")
ATTACKS = (
    Attack("none", "flip", rows=0.0),
    Attack("flip by 20 % of people", "flip", people=0.2),
    Attack("flip by people without a name", "flip", known=False),
    Attack("flip 40 % of rows, without a name", "flip", rows=0.4, known=False),
    Attack("trigger by 20 % of people", "trigger", people=0.2),
    Attack("trigger by people without a name", "trigger", known=False),
    Attack("trigger in 40 % of rows, without a name", "trigger", rows=0.4, known=False),
    Attack("trigger calls attacks safe, by 20 % of people", "trigger", people=0.2, only="unsafe"),
    Attack("trigger calls attacks safe, without a name", "trigger", known=False, only="unsafe"),
    Attack("call attacks safe, by 20 % of people", "flip", people=0.2, only="unsafe"),
    Attack("call attacks safe, without a name", "flip", known=False, only="unsafe"),
    Attack("call attacks safe, 40 % of rows, without a name", "flip", rows=0.4, known=False, only="unsafe"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attack.

    Attributes:
        left: Share of poison in what was learnt from.
        gain: By the labels as they were, on held-out prompts: candidate's accuracy less the served version's.
    """

    passed: bool
    left: float
    gain: float


def outcome(pairs: Pairs, attack: Attack, seed: int, embedder: Embedder, *, annotated: bool = False) -> Outcome:
    """Return what comes of an attack on one draw of the data.

    Args:
        annotated: Whether ANNOTATED of the honest judgements are annotators', and the gate asks only those.
    """
    scene = labels_scene(pairs, attack, size=RECENT, people=PEOPLE, seed=seed)
    attacked = {claim.prompt for claim in scene.claims}
    before = [pair for pair in pairs if pair[0] not in attacked]
    np.random.default_rng(seed).shuffle(before)
    recent = [_recent(claim, annotated and _is_annotators(claim, scene.poison)) for claim in scene.claims]
    rows = [*(_earlier(at, *pair) for at, pair in enumerate(before[:EARLIER])), *recent]
    policy = Training(app="guard", max_rows=EARLIER + RECENT, holdout_share=0.3, seed=seed)
    tools = Tools(embed=embedder.embed, mask=lambda text: (text, 0))
    dataset = curate(rows, policy, labels=LABELS, recent_since=NOW, tools=tools, trusts=_trusts)
    served = _learnt([one for one in dataset.of("train") if not one.recent], embedder)
    candidate = _learnt(dataset.of("train"), embedder)
    gate = GatePolicy(trusted_from=1.0 if annotated else 0.0)
    held_out = dataset.of("holdout")
    answers = [_answers(model, held_out, embedder) for model in (candidate, served)]
    judged = {
        one.request_id: Judged(one.recent, one.slice, one.label, float(new == one.label), float(old == one.label))
        for one, new, old in zip(held_out, *answers, strict=True)
    }
    return Outcome(
        decide([judged[one.request_id] for one in trusted(held_out, gate)], gate, seed=seed).passed,
        _share_of_poison(dataset, scene.poison),
        _gain(held_out, answers[0], answers[1], dict(pairs)),
    )


def measured(pairs: Pairs, attack: Attack, seeds: Sequence[int], embedder: Embedder) -> dict[str, object]:
    """Return the figures of one attack."""
    plain = [outcome(pairs, attack, seed, embedder) for seed in seeds]
    guarded = [outcome(pairs, attack, seed, embedder, annotated=True) for seed in seeds]
    return {"seeds": len(seeds), **_counted(plain, ""), **_counted(guarded, "trusted_")}


def _counted(found: Sequence[Outcome], prefix: str) -> dict[str, object]:
    worse = [one for one in found if one.gain < -MATTERS]
    return {
        f"{prefix}passed": sum(one.passed for one in found),
        f"{prefix}worse": len(worse),
        f"{prefix}passed_worse": sum(one.passed for one in worse),
        f"{prefix}poison_left": round(sum(one.left for one in found) / len(found), 3),
        f"{prefix}gain": [round(one.gain, 3) for one in found],
    }


def _trusts(source: str) -> float:
    return 0.5 if source == "user" else 1.0


def _is_annotators(claim: Claim, poison: frozenset[str]) -> bool:
    draw = random.Random(claim.judgement)  # the same in every process
    return claim.judgement not in poison and draw.random() < ANNOTATED


def _gain(held_out: Sequence[Example], new: Sequence[str], old: Sequence[str], truth: dict[str, str]) -> float:
    """Return the gain on recent prompts as nobody changed them: a trigger is no part of honest traffic."""
    known = [(truth[one.prompt], *said) for one, *said in zip(held_out, new, old, strict=True) if _is_known(one, truth)]
    return sum((mine == right) - (theirs == right) for right, mine, theirs in known) / len(known)


def _is_known(example: Example, truth: dict[str, str]) -> bool:
    return example.recent and example.prompt in truth


def _share_of_poison(dataset: Dataset, poison: frozenset[str]) -> float:
    recent = [one.request_id for one in dataset.examples if one.recent]
    return len(poison.intersection(recent)) / max(1, len(recent))


def _learnt(examples: Sequence[Example], embedder: Embedder) -> LogisticRegression:
    rows = np.asarray(embedder.embed([one.prompt for one in examples]))
    return LogisticRegression(C=10.0, max_iter=300).fit(rows, [one.label for one in examples])


def _answers(model: LogisticRegression, examples: Sequence[Example], embedder: Embedder) -> list[str]:
    return [str(label) for label in model.predict(np.asarray(embedder.embed([one.prompt for one in examples])))]


def _earlier(at: int, prompt: str, label: str) -> LabelledRow:
    given = FeedbackGiven(
        event_id=f"earlier{at}",
        occurred_at=NOW - timedelta(days=1),
        app="guard",
        request_id=f"earlier{at}",
        label=label,
        source="import",
    )
    return _row(given, prompt)


def _recent(claim: Claim, annotators: bool) -> LabelledRow:
    given = FeedbackGiven(
        event_id=claim.judgement,
        occurred_at=claim.at,
        app="guard",
        request_id=claim.judgement,
        label=claim.verdict,
        user_id=claim.user,
        source="annotator" if annotators else "user",
    )
    return _row(given, claim.prompt)


def _row(given: FeedbackGiven, prompt: str) -> LabelledRow:
    return LabelledRow(
        request_id=given.request_id,
        messages=(Message(role="user", content=prompt),),
        labels=(given.label or "",),
        slice="",
        occurred_at=given.occurred_at,
        offsets={},
        judgements=(given,),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=(31, 32, 33, 34, 35))
    parser.add_argument("--attacks", nargs="*", default=())
    chosen = parser.parse_args()
    before, embedder, pairs = machine(), Embedder.load(), injection_labels("neuralchemy")
    found: dict[str, object] = {}
    for attack in ATTACKS:
        if not chosen.attacks or attack.name in chosen.attacks:
            found[attack.name] = measured(pairs, attack, chosen.seeds, embedder)
            print(attack.name, found[attack.name], flush=True)
    print(json.dumps({"bench": "poison_gate", **before, "seeds": list(chosen.seeds), "results": found}))


if __name__ == "__main__":
    main()
