"""From what was said of a call to what each judgement teaches: an answer to give, one wanted or not, the better of two.

Pure. What is said of an answer that can't be used (cut short, of the wrong form, none) is counted and teaches nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from schemas.feedback import Answered, FeedbackGiven
from schemas.inference import Message
from training.data.judgements import UNDISPUTED, Answers, JudgedCall, Spoken, spoken
from training.data.writing.conversations import answer_identity, asked, identity
from training.data.writing.forms import Fits

Teaches = Literal["target", "wanted", "unwanted", "pair"]
LIKED_FROM, DISLIKED_TO = 4, 2
GOOD_FROM = 0.5
CUT_SHORT = "length"
CHARACTERS_A_TOKEN = 6
"""More than nearly every text has, so that only what is surely too long goes here; methods count tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one judgement says of one answer.

    Attributes:
        judgement: The event that says it.
        person: Who, empty where nobody knows.
        answer: The one to give, that is spoken of, or the better of two.
        rejected: The worse of two.
        implied: Whether it follows from a correction: the corrected answer was unwanted, and the worse of the two.
    """

    call: JudgedCall
    judgement: str
    person: str
    trust: float
    at: datetime
    teaches: Teaches
    answer: Message
    rejected: Message | None = None
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What verdicts are subject to.

    Attributes:
        trusts: How much a source weighs, 0 to 1.
        fits: Whether an answer has the app's form.
        max_answer_tokens: Longer answers are neither given nor preferred.
    """

    trusts: Callable[[str], float]
    fits: Fits
    max_answer_tokens: int


def verdicts(calls: Sequence[JudgedCall], others: Answers, rules: Rules, removed: Counter[str]) -> list[Verdict]:
    """Return what all judgements say, in the calls' order; what can't be used is added to `removed` by reason.

    Args:
        others: Calls that comparisons refer to.
    """
    found: list[Verdict] = []
    for call in calls:
        if not asked(call.messages).strip():
            removed["empty"] += max(1, len(call.judgements))
            continue
        said = spoken(call.judgements)
        removed["superseded"] += call.superseded
        for verdict in (
            _undisputed(call, rules) if not call.judgements else _of_call(call, said, others, rules, removed)
        ):
            fault = _fault(verdict, rules)
            removed[fault] += bool(fault)
            found += [] if fault else [verdict]
    return found


def _undisputed(call: JudgedCall, rules: Rules) -> Iterator[Verdict]:
    if call.answer is not None:
        yield Verdict(
            call=call,
            judgement=f"{UNDISPUTED} {call.request_id}",
            person="",
            trust=rules.trusts(UNDISPUTED),
            at=call.occurred_at,
            teaches="wanted",
            answer=call.answer,
        )


def _of_call(
    call: JudgedCall, said: Sequence[Spoken], others: Answers, rules: Rules, removed: Counter[str]
) -> Iterator[Verdict]:
    rated = {(given.source, given.user_id) for kind, given in said if kind == "rating"}
    for kind, given in said:
        voice = _Voice(call, given, rules.trusts(given.source))
        if kind == "correction" and given.correction is not None:
            yield from voice.correction(given.correction)
        elif kind == "comparison" and given.comparison is not None:
            preferred = _found(call, given.comparison.preferred, others)
            rejected = _found(call, given.comparison.rejected, others)
            if preferred is None or rejected is None:
                removed["answer_unknown"] += 1
            else:
                yield voice.says("pair", preferred, rejected=rejected)
        elif kind in ("rating", "score"):
            liked = None if kind == "score" and (given.source, given.user_id) in rated else _liked(kind, given)
            if liked is None or call.answer is None:
                removed["no_answer" if call.answer is None else "says_nothing"] += 1
            else:
                yield voice.says("wanted" if liked else "unwanted", call.answer)
        else:
            removed["says_nothing"] += 1


@dataclass(frozen=True, slots=True)
class _Voice:
    call: JudgedCall
    given: FeedbackGiven
    trust: float

    def says(
        self, teaches: Teaches, answer: Message, *, rejected: Message | None = None, implied: bool = False
    ) -> Verdict:
        return Verdict(
            call=self.call,
            judgement=self.given.event_id,
            person=f"{self.given.source}\0{self.given.user_id}" if self.given.user_id else "",
            trust=self.trust,
            at=self.given.occurred_at,
            teaches=teaches,
            answer=_by_assistant(answer),
            rejected=None if rejected is None else _by_assistant(rejected),
            implied=implied,
        )

    def correction(self, right: Message) -> Iterator[Verdict]:
        """Yield what a correction says: what to answer, and that the answer given was worse and unwanted.

        One that changes nothing says that the answer was wanted.
        """
        given = self.call.answer
        if given is not None and answer_identity(given) == answer_identity(right):
            yield self.says("wanted", given)
            return
        yield self.says("target", right)
        if given is not None and not _is_empty(right):
            yield self.says("pair", right, rejected=given, implied=True)
            yield self.says("unwanted", given, implied=True)


def _liked(kind: str, given: FeedbackGiven) -> bool | None:
    """Return whether a rating or a score likes the answer; None of three stars, which say neither."""
    if kind == "rating" and given.rating is not None:
        return given.rating >= LIKED_FROM if not DISLIKED_TO < given.rating < LIKED_FROM else None
    return None if given.score is None else given.score >= GOOD_FROM


def _found(call: JudgedCall, answered: Answered, others: Answers) -> Message | None:
    """Return the answer that a comparison speaks of; None where it is unknown or was given to another conversation."""
    if answered.output is not None:
        return answered.output
    other = call if answered.request_id in ("", call.request_id) else others.get(answered.request_id)
    return other.answer if other is not None and identity(other.messages) == identity(call.messages) else None


def _by_assistant(message: Message) -> Message:
    return message if message.role == "assistant" else msgspec.structs.replace(message, role="assistant")


def _is_empty(answer: Message) -> bool:
    return not (answer.text.strip() or answer.tool_calls)


def _fault(verdict: Verdict, rules: Rules) -> str:
    """Return why a verdict can't be learnt from; empty when it can.

    Of a pair the worse answer may look as it will: that it does may be why it is worse.
    """
    answer, call = verdict.answer, verdict.call
    if verdict.trust <= 0:
        return "untrusted"
    if _is_empty(answer):
        return "no_answer"
    if verdict.teaches == "unwanted":
        return ""
    if verdict.rejected is not None and answer_identity(answer) == answer_identity(verdict.rejected):
        return "says_nothing"
    if verdict.teaches == "wanted" and call.error_type:
        return "no_answer"
    given = call.answer is not None and answer_identity(call.answer) == answer_identity(answer)
    if given and call.finish_reason == CUT_SHORT:
        return "cut_short"
    length = len(answer.text) + sum(len(tool.arguments) for tool in answer.tool_calls)
    if length > rules.max_answer_tokens * CHARACTERS_A_TOKEN:
        return "too_long"
    return "" if rules.fits(call, answer) else "bad_form"
