"""One text of a batch: its chance, its grammar, what it has written, and what its caller hears of it."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch

from services.model_server.batching.sampling import next_token, with_penalties
from services.model_server.batching.writing import Writing
from services.model_server.jobs import Broke, Ended, Job, Likelihood, Said
from services.models.grammars import Grammars


@dataclass(frozen=True, slots=True)
class Language:
    """What rows need of the tokenizer, on the model's thread.

    Attributes:
        decode: Tokens to text.
        ends: Tokens that end an answer.
        grammars: Keeps to grammars, and knows the bytes of tokens.
    """

    decode: Callable[[Sequence[int]], str]
    ends: Collection[int]
    grammars: Grammars | None = None

    def bytes_of(self, token: int) -> bytes:
        """Return what a token writes."""
        known = self.grammars.bytes_of(token) if self.grammars else None
        return self.decode([token]).encode() if known is None else known


class Row:
    """One text while it is written."""

    def __init__(self, job: Job, language: Language) -> None:
        self.job, self.token = job, 0
        self._language = language
        self._writing = Writing(language.decode, language.ends, job.sampling.stop, job.sampling.max_tokens)
        self._counts: Counter[int] = Counter()
        self._likelihoods: list[Likelihood] = []
        self._broken = False
        self._following = (
            language.grammars.follow(job.grammar) if language.grammars and job.grammar is not None else None
        )
        self._chance = torch.Generator()
        if job.sampling.seed is None:
            self._chance.seed()
        else:
            self._chance.manual_seed(job.sampling.seed)

    @property
    def over(self) -> bool:
        """Whether it leaves the batch."""
        return self.job.cancelled or self._broken or bool(self._writing.reason)

    def take(self, logits: torch.Tensor) -> None:
        """Write the next token by what the model makes of it, (vocabulary,) float32, and deliver what it shows.

        A failure is this row's alone.
        """
        try:
            self._take(logits)
        except Exception:  # noqa: BLE001  # whatever it is, the other rows have nothing to do with it
            self._broken = True
            self.job.deliver(Broke())

    def _take(self, logits: torch.Tensor) -> None:
        sampling = self.job.sampling
        shaped = with_penalties(logits, sampling, self._counts)
        if self._following:
            shaped = shaped.masked_fill(self._following.forbidden(len(shaped)), -torch.inf)
        self.token = next_token(shaped, sampling, self._chance)
        self._counts[self.token] += 1
        complete = self._following.hear(self.token) if self._following else False
        if sampling.alternatives is not None:
            self._likelihoods.append(self._likelihood(logits, self.token, sampling.alternatives))
        text = self._writing.hear(self.token, complete=complete)
        shown = self._writing.release() if self._likelihoods else ()
        self.job.deliver(Said(text, tuple(self._likelihoods[at] for at in shown)))
        if self._writing.reason:
            self.job.deliver(Ended(self._writing.reason, len(self._writing.tokens)))

    def _likelihood(self, logits: torch.Tensor, token: int, alternatives: int) -> Likelihood:
        whole = torch.log_softmax(logits, dim=-1)
        best = whole.topk(alternatives)
        beside = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        spelled = self._language.bytes_of
        return Likelihood(
            spelled(token), float(whole[token]), tuple(Likelihood(spelled(at), chance) for at, chance in beside)
        )
