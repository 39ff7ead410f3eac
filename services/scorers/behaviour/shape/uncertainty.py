"""How sure the model was of its words, where the upstream tells log-probabilities of tokens.

Sources: perplexity (Jelinek et al. 1977); the share of unsure tokens after active retrieval (Jiang et al. 2023).
"""

import math

from services.scorers.behaviour.rows import Row, SingleScorer, judged
from services.scorers.contract import Card, Measure, Subject, unjudged

PERPLEXITY = Measure(name="response.perplexity", unit="ratio", direction="higher is worse", low=1.0, high=math.inf)
UNSURE = Measure(name="response.unsure_tokens", unit="ratio", direction="higher is worse")

CARD = Card(
    name="uncertainty",
    version="1",
    side="response",
    measures=(PERPLEXITY, UNSURE),
    cost="cheap",
    source="exp of the mean negative log-probability (Jelinek et al. 1977); share of tokens less likely than one half "
    "(after Jiang et al. 2023).",
    blind_spots="Only calls that ask for logprobs have any. A model may be sure and wrong; temperature and constrained "
    "decoding change the figure, and models with different tokenizers can't be compared.",
)


def uncertainty() -> SingleScorer:
    """Return the scorer."""
    return SingleScorer(CARD, _judge)


def _judge(subject: Subject) -> Row:
    told = subject.logprobs
    if told is None:
        return unjudged(CARD, "no log-probabilities were told")
    return judged(PERPLEXITY, math.exp(-max(told.mean, -100.0))), judged(UNSURE, told.low_ratio)
