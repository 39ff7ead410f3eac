"""What the judge of pairs is to look at, and how two answers to one request meet. Pure."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from schemas.ids import derived_id
from schemas.inference import InferenceResponded
from schemas.record import Variant
from schemas.rollout_policy import PairJudge

MOST_CHARACTERS = 8_000
"""Of each text; a longer one is not shown in part, as a judge would hold the cut against it."""
WAITING = 500
"""Answers that wait for the other one; the oldest goes when one more comes."""
_RANGE = float(1 << 32)


@dataclass(frozen=True, slots=True)
class Watch:
    """A rollout in shadow whose answers are compared.

    Attributes:
        since: Answers of before belong to no step.
        left: Pairs that may still be judged.
    """

    app: str
    rollout_id: str
    candidate: str
    stable: str
    since: datetime
    judge: PairJudge
    left: int

    def role(self, answered: InferenceResponded) -> Variant | None:
        """Return in which role a version gave an answer; None where it is neither of the two."""
        given = (answered.adapter_version, answered.variant)
        if given == (self.candidate, Variant.SHADOW):
            return Variant.SHADOW
        return Variant.STABLE if given == (self.stable, Variant.STABLE) else None

    def samples(self, request_id: str) -> bool:
        """Tell whether a request is in the sample: the same on every replay."""
        return int(derived_id("sampled", self.rollout_id, request_id)[:8], 16) / _RANGE < self.judge.sample


@dataclass(frozen=True, slots=True)
class AnsweredTwice:
    """A request and both answers, as the judge is shown them."""

    watch: Watch
    request_id: str
    conversation: tuple[tuple[str, str], ...]
    candidate: str
    stable: str


class Pairing:
    """Keeps the answers that came first until the others come. Used from one thread."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[str, str, Variant], str] = OrderedDict()

    def met(self, watch: Watch, answered: InferenceResponded) -> AnsweredTwice | None:
        """Take an answer; return it with the other one if that came before.

        An answer that failed, says nothing or is too long to be shown whole makes no pair.
        """
        role = watch.role(answered)
        text = _shown(answered)
        if role is None or answered.occurred_at <= watch.since or not text or not watch.samples(answered.request_id):
            return None
        other = Variant.STABLE if role is Variant.SHADOW else Variant.SHADOW
        theirs = self._waiting.pop((watch.rollout_id, answered.request_id, other), None)
        if theirs is None:
            self._keep((watch.rollout_id, answered.request_id, role), text)
            return None
        candidate, stable = (text, theirs) if role is Variant.SHADOW else (theirs, text)
        conversation = tuple((message.role, message.text) for message in answered.messages)
        return AnsweredTwice(watch, answered.request_id, conversation, candidate, stable)

    def _keep(self, key: tuple[str, str, Variant], text: str) -> None:
        self._waiting[key] = text
        if len(self._waiting) > WAITING:
            self._waiting.popitem(last=False)


def _shown(answered: InferenceResponded) -> str:
    if answered.output is None or answered.error_type:
        return ""
    calls = [f"{call.name}({call.arguments})" for call in answered.output.tool_calls]
    text = "\n".join(filter(None, (answered.output.text, *calls)))
    asked = sum(len(message.text) for message in answered.messages)
    return text if len(text) <= MOST_CHARACTERS and asked <= 4 * MOST_CHARACTERS else ""
