"""From judged calls to a dataset of conversations, for apps that write. The rules: docs/training-data.md. No I/O.

In this order: what each judgement says, poison, who prevails where people contradict each other, masking,
near-duplicates, and the same balanced draw as for classifiers.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from schemas.configuration import App
from schemas.inference import Message
from schemas.training_policy import Training
from training.data.curation import Tools, last_offsets
from training.data.dataset import Dataset, Example
from training.data.drawing import draw_held_out, draw_training
from training.data.duplicates import normalised, originals
from training.data.judgements import UNDISPUTED, Answers, JudgedCall
from training.data.labels import prompt_of
from training.data.poison.answers import AnswerJudge
from training.data.poison.claims import Claim
from training.data.poison.defence import poisoned
from training.data.writing.conversations import asked, beginnings, identity, masked, readable
from training.data.writing.forms import form_check
from training.data.writing.settling import settled
from training.data.writing.verdicts import Rules, Verdict, verdicts

UNDISPUTED_TRUST = 0.1


@dataclass(frozen=True, slots=True)
class Judged:
    """What the warehouse has to learn from.

    Attributes:
        calls: Judged, or undisputed where the policy takes those for wanted.
        others: Calls that comparisons refer to.
    """

    calls: Sequence[JudgedCall]
    others: Answers


def curate_calls(judged: Judged, app: App, policy: Training, *, recent_since: datetime, tools: Tools) -> Dataset:
    """Return the dataset of a retraining; the same calls and policy give the same one, in the same order."""
    removed: Counter[str] = Counter()
    calls = sorted(judged.calls, key=lambda call: call.request_id)
    said = verdicts(calls, judged.others, rules_of(app, policy), removed)
    honest = _without_poison(said, policy, tools, removed)
    examples = settled(honest, policy, recent_since=recent_since, removed=removed)
    clean, count = _masked(examples, tools)
    kept = _without_near_duplicates(_without_grown(clean, removed), tools, removed)
    held_out = draw_held_out(kept, policy.seed, removed)
    train = draw_training(kept, policy, removed)
    return Dataset(
        examples=tuple((*train, *held_out)),
        removed={reason: count for reason, count in sorted(removed.items()) if count},
        masked=count,
        offsets=last_offsets(calls),
        recent_since=recent_since,
    )


def usable(judged: Judged, app: App, policy: Training) -> int:
    """Return how many examples calls would give before masking, poison and near-duplicates are looked at."""
    nothing: Counter[str] = Counter()
    said = verdicts(judged.calls, judged.others, rules_of(app, policy), nothing)
    since = min((call.occurred_at for call in judged.calls), default=None)
    return 0 if since is None else len(settled(said, policy, recent_since=since, removed=nothing))


def rules_of(app: App, policy: Training) -> Rules:
    """Return what an app's verdicts are subject to."""

    def trusts(source: str) -> float:
        return app.trust.get(source, UNDISPUTED_TRUST) if source == UNDISPUTED else app.trusts(source)

    return Rules(trusts=trusts, fits=form_check(app), max_answer_tokens=policy.max_answer_tokens)


def _without_poison(said: Sequence[Verdict], policy: Training, tools: Tools, removed: Counter[str]) -> list[Verdict]:
    claims = [claim for verdict in said for claim in _claims(verdict)]
    found = poisoned(claims, lambda embed: AnswerJudge(embed, policy.seed), tools.embed, seed=policy.seed)
    removed.update(found[verdict.judgement] for verdict in said if verdict.judgement in found)
    return [verdict for verdict in said if verdict.judgement not in found]


def _claims(verdict: Verdict) -> Iterable[Claim]:
    """Yield what a verdict claims of answers. What is implied is left out: a correction is one claim, not three."""
    if verdict.implied:
        return
    sides = [(verdict.answer, "wrong" if verdict.teaches == "unwanted" else "right")]
    if verdict.rejected is not None:
        sides.append((verdict.rejected, "wrong"))
    for answer, word in sides:
        yield Claim(
            judgement=verdict.judgement,
            user=verdict.person,
            trust=verdict.trust,
            at=verdict.at,
            prompt=prompt_of(verdict.call.messages),
            answer=readable(answer),
            verdict=word,
            own=verdict.teaches == "target",
        )


def _masked(examples: Sequence[Example], tools: Tools) -> tuple[list[Example], int]:
    """Return the examples without personal data, in messages, answers and arguments, and how many were masked."""
    clean, count = [], 0

    def of(message: Message) -> Message:
        nonlocal count
        bare, found = masked(message, tools.mask)
        count += found
        return bare

    for example in examples:
        messages = tuple(of(message) for message in example.messages)
        clean.append(
            msgspec.structs.replace(
                example,
                messages=messages,
                prompt=prompt_of(messages),
                answer=None if example.answer is None else of(example.answer),
                rejected=None if example.rejected is None else of(example.rejected),
            )
        )
    return clean, count


def _without_grown(examples: Sequence[Example], removed: Counter[str]) -> list[Example]:
    """Return the examples that don't go on from a held-out conversation: its answer stands in their history."""
    held_out = {normalised(asked(e.messages)) for e in examples if e.split == "holdout"}
    kept = [e for e in examples if e.split == "holdout" or held_out.isdisjoint(beginnings(e.messages))]
    removed["near_held_out"] += len(examples) - len(kept)
    return kept


def _without_near_duplicates(examples: Sequence[Example], tools: Tools, removed: Counter[str]) -> list[Example]:
    """Return the examples of conversations that repeat no other: held-out ones win, then recent ones."""
    groups: dict[str, list[Example]] = {}
    for example in sorted(examples, key=lambda example: (example.split != "holdout", not example.recent)):
        groups.setdefault(f"{example.split}\0{identity(example.messages)}", []).append(example)
    ordered = list(groups.values())
    found = originals(tools.embed([asked(group[0].messages) for group in ordered]))
    kept: list[Example] = []
    for group, original in zip(ordered, found, strict=True):
        if original == -1:
            kept += group
        elif group[0].split == "train" and ordered[original][0].split == "holdout":
            removed["near_held_out"] += len(group)
        else:
            removed["near_duplicate"] += len(group)
    return kept
