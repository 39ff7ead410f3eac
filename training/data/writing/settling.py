"""From verdicts to examples: who prevails where people contradict each other, and what a method can use. Pure.

Of two contrary sides the one prevails that has at least CLEARLY times the other's trust; otherwise neither is learnt
from. A person counts once on each side.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from schemas.training_policy import Training
from training.data.dataset import Example
from training.data.drawing import is_held_out
from training.data.labels import prompt_of
from training.data.writing.conversations import answer_identity, asked, identity
from training.data.writing.verdicts import Verdict

CLEARLY = 2.0
USED: dict[str, frozenset[str]] = {
    "sft": frozenset(("target", "wanted")),
    "dpo": frozenset(("pair",)),
    "kto": frozenset(("target", "wanted", "unwanted")),
}
_BEST_FIRST = ("target", "pair", "wanted", "unwanted")


def settled(
    verdicts: Sequence[Verdict], policy: Training, *, recent_since: datetime, removed: Counter[str]
) -> list[Example]:
    """Return what is learnt of each conversation, in the order of their identities.

    To train on: what the policy's method can use. Held out: one example a conversation, its best known answer,
    or one that was not wanted, whatever the method. Verdicts that teach nothing after all are added to `removed`.
    """
    by_conversation: dict[str, list[Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda one: (one.at, one.judgement, one.teaches)):
        by_conversation.setdefault(identity(verdict.call.messages), []).append(verdict)
    examples: list[Example] = []
    used = USED["sft" if policy.method == "auto" else policy.method]
    for _, said in sorted(by_conversation.items()):
        prevailing = _prevailing(said, removed)
        held_out = is_held_out(asked(said[0].call.messages), policy.holdout_share)
        kept = _best(prevailing) if held_out else [one for one in prevailing if one.teaches in used]
        removed["held_out_beside" if held_out else "unused_kind"] += len(prevailing) - len(kept)
        recent = any(one.call.occurred_at >= recent_since for one in said)
        examples += [_example(one, recent=recent, held_out=held_out) for one in kept]
    return examples


def _best(prevailing: Sequence[Verdict]) -> list[Verdict]:
    return next(([one] for kind in _BEST_FIRST for one in prevailing if one.teaches == kind), [])


def _prevailing(said: Sequence[Verdict], removed: Counter[str]) -> list[Verdict]:
    """Return one verdict for each thing said of a conversation that stands against what else is said."""
    votes = [one for one in said if one.teaches in ("wanted", "unwanted")]
    liked = _decided(votes, lambda one: (answer_identity(one.answer),), lambda one: one.teaches == "wanted", removed)
    wanted = {answer_identity(one.answer) for one in liked if one.teaches == "wanted"}
    pairs = [one for one in said if one.teaches == "pair"]
    standing = [one for one in pairs if not (one.implied and _worse(one) in wanted)]
    removed["outvoted"] += len(pairs) - len(standing)
    decided = _decided(
        standing, lambda one: tuple(sorted(_sides(one))), lambda one: _sides(one)[0] < _sides(one)[1], removed
    )
    return [*_most_trusted([one for one in said if one.teaches == "target"], removed), *liked, *decided]


def _worse(pair: Verdict) -> str:
    return answer_identity(pair.rejected) if pair.rejected is not None else ""


def _sides(pair: Verdict) -> tuple[str, str]:
    return answer_identity(pair.answer), _worse(pair)


def _forwards(pair: Verdict) -> bool:
    """Return on which side of the two that prefer one of these answers to the other a pair is."""
    better, worse = _sides(pair)
    return better < worse


def _decided(
    said: Iterable[Verdict],
    subject: Callable[[Verdict], tuple[str, ...]],
    side: Callable[[Verdict], bool],
    removed: Counter[str],
) -> list[Verdict]:
    """Return of each subject the most trusted verdict of the side that clearly prevails."""
    subjects: dict[tuple[str, ...], list[Verdict]] = {}
    for one in said:
        subjects.setdefault(subject(one), []).append(one)
    kept = []
    for about in subjects.values():
        sides = [[one for one in about if side(one) is which] for which in (True, False)]
        trusted = [_trust(part) for part in sides]
        if trusted[0] == trusted[1] or max(trusted) < CLEARLY * min(trusted):
            removed["conflicting_judgements"] += len(about)
            continue
        winners, losers = sides if trusted[0] > trusted[1] else sides[::-1]
        removed["outvoted"] += len(losers)
        removed["duplicate"] += len(winners) - 1
        kept.append(max(winners, key=lambda one: (one.trust, one.at, one.judgement)))
    return kept


def _most_trusted(targets: Sequence[Verdict], removed: Counter[str]) -> list[Verdict]:
    """Return the correction that is trusted most, of equals the latest: one conversation teaches one answer."""
    by_answer: dict[str, list[Verdict]] = {}
    for one in targets:
        by_answer.setdefault(answer_identity(one.answer), []).append(one)
    if not by_answer:
        return []
    best = max(by_answer.values(), key=lambda same: (_trust(same), same[-1].at, same[-1].judgement))
    removed["duplicate"] += len(best) - 1
    removed["outvoted"] += len(targets) - len(best)
    return [max(best, key=lambda one: (one.trust, one.at, one.judgement))]


def _trust(side: Sequence[Verdict]) -> float:
    """Return a side's trust; of one person's verdicts the most trusted counts, the nameless count each."""
    most: dict[str, float] = {}
    for one in side:
        voice = one.person or one.judgement
        most[voice] = max(one.trust, most.get(voice, 0.0))
    return sum(most.values())


def _example(verdict: Verdict, *, recent: bool, held_out: bool) -> Example:
    call = verdict.call
    return Example(
        request_id=call.request_id,
        messages=call.messages,
        prompt=prompt_of(call.messages),
        label="",
        slice=call.slice,
        recent=recent,
        split="holdout" if held_out else "train",
        kind=verdict.teaches,
        answer=verdict.answer,
        rejected=verdict.rejected,
        tools=call.tools,
        response_schema=call.response_schema,
        weight=verdict.trust,
        trust=verdict.trust,
    )
