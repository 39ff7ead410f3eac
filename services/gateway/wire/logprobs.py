"""Token log-probabilities in the dialects of those who tell them, as one summary. Pure.

Chats tell `{"content": [{"logprob": …}]}`, text completions `{"token_logprobs": […]}`, the Responses API
`[{"logprob": …}]`.
"""

import math

from schemas.inference import LogprobSummary
from services.gateway.wire.formats.reading import listed, mapping

LEAST = -100.0
"""OpenAI says -9999 of what is most unlikely; one such token would be all that a mean shows."""
_EVEN = math.log(0.5)


class Logprobs:
    """Those of one choice, as they come."""

    __slots__ = ("_count", "_least", "_low", "_sum")

    def __init__(self) -> None:
        self._count = self._low = 0
        self._sum = self._least = 0.0

    def hear(self, value: object) -> None:
        """Take what a choice, a chunk of one, or a part of an answer tells; what is no number is passed over."""
        if isinstance(value, list):
            told = value
        else:
            wire = mapping(value)
            told = listed(wire.get("content")) or listed(wire.get("refusal")) or listed(wire.get("token_logprobs"))
        for one in told:
            number = one.get("logprob") if isinstance(one, dict) else one
            if isinstance(number, int | float) and not isinstance(number, bool) and number == number:
                self._add(float(min(0.0, max(LEAST, number))))

    def summary(self) -> LogprobSummary | None:
        """Return what they come to; None when there were none."""
        if not self._count:
            return None
        mean = min(0.0, max(self._least, self._sum / self._count))
        return LogprobSummary(count=self._count, mean=mean, least=self._least, low_ratio=self._low / self._count)

    def _add(self, logprob: float) -> None:
        self._count += 1
        self._sum += logprob
        self._least = min(self._least, logprob)
        self._low += logprob < _EVEN


def logprobs_of(value: object) -> LogprobSummary | None:
    """Return the summary of a whole choice's."""
    heard = Logprobs()
    heard.hear(value)
    return heard.summary()
