"""Llama Guard 1 to 4: `safe`, or `unsafe` and a line of category codes.

The score is the probability of the token that begins "unsafe" at the first position of the answer, as the model
cards have it. The last turn's role decides which side is judged, and the checkpoint's own template says so. All four
list their categories between the same two marks, so a subset of them, or a policy of the user's beside them, is
written into what the template renders.
"""

from collections.abc import Mapping, Sequence

from schemas.guards import GuardSide
from services.scorers.guards.asking import (
    Conversation,
    Engine,
    Form,
    Question,
    Reading,
    Verdict,
    coded_entries,
    lists_categories,
    rounded,
    verdicts,
    with_categories,
)
from services.scorers.guards.hazards import CODES, Vocabulary, codes_of, hazards_of

SOURCES: Mapping[Vocabulary, str] = {
    "llama-guard-1": "Inan et al. 2023, arXiv 2312.06674; meta-llama/LlamaGuard-7b",
    "llama-guard-2": "Meta Llama Guard 2 model card; meta-llama/Meta-Llama-Guard-2-8B",
    "llama-guard-3": "Llama Guard 3 model card (8B and 1B); arXiv 2407.21783; F1 .939 on Meta's own test",
    "llama-guard-4": "Llama Guard 4 model card (12B); recall 69 %, false alarms 11 % on Meta's English answers",
}
_WORDS = ("unsafe", "safe")
_LETTER = {"llama-guard-1": "O"}


class LlamaGuard:
    """Asks for the first token, and for the codes only of what reaches the threshold.

    Args:
        engine: Holds the model.
        vocabulary: Which of the four.
        threshold: Probability from which the codes are asked for.
        categories: Hazards to keep; empty means all.
        policies: Categories of the user's own, by name, listed after the guard's.
    """

    blind_spots = (
        "defamation, intellectual property and elections need knowledge that it lacks; a specialist's advice is "
        "flagged widely; a call that imitates the end of the conversation may steer it; images are not looked at"
    )

    def __init__(
        self,
        engine: Engine,
        *,
        vocabulary: Vocabulary,
        threshold: float,
        categories: Sequence[str] = (),
        policies: Mapping[str, str] | None = None,
    ) -> None:
        self.source = SOURCES[vocabulary]
        self._engine = engine
        self._vocabulary = vocabulary
        self._threshold = threshold
        self._kept = frozenset(codes_of(vocabulary, categories))
        numbered = enumerate(policies or {}, start=len(CODES[vocabulary]) + 1)
        self._own = {f"{_LETTER.get(vocabulary, 'S')}{at}": name for at, name in numbered}
        self._added = [f"{code}: {name}.\n{(policies or {})[name]}" for code, name in self._own.items()]
        if categories or policies:
            lists_categories(engine.template)
        self._form = Form(mend=self._chosen if categories or policies else None)

    def judge(self, side: GuardSide, conversations: Sequence[Conversation]) -> list[tuple[Verdict, ...]]:
        """Return whether each conversation's last turn is unsafe; which side that is, its role says."""
        asked = [Question(conversation, self._form, _WORDS, blank=True) for conversation in conversations]
        return verdicts(
            self._engine.ask(asked),
            probability=_unsafe,
            threshold=self._threshold,
            named=lambda places: self._named([conversations[at] for at in places]),
        )

    def _named(self, conversations: Sequence[Conversation]) -> list[tuple[str, ...]]:
        asked = [Question(one, self._form, _WORDS, start="unsafe\n", blank=True) for one in conversations]
        return [self._hazards(parse_codes(line)) for line in self._engine.say(asked)]

    def _hazards(self, codes: Sequence[str]) -> tuple[str, ...]:
        own = tuple(self._own[code] for code in codes if code in self._own)
        known = [code for code in codes if code not in self._own]
        return (*hazards_of(self._vocabulary, known), *own)

    def _chosen(self, prompt: str) -> str:
        return with_categories(prompt, keep=self._keeps, added=self._added, entries=coded_entries)

    def _keeps(self, entry: str) -> bool:
        return not self._kept or entry.partition(":")[0] in self._kept


def _unsafe(reading: Reading) -> float:
    return rounded(reading.probabilities[0])


def parse_codes(line: str) -> tuple[str, ...]:
    r"""Return the category codes of the second line of an answer, in its order; what is no code is dropped.

    Example:
        >>> parse_codes(" S1, S10,and more")
        ('S1', 'S10')
    """
    codes = (code.strip() for code in line.split(","))
    return tuple(code for code in codes if code[:1] in {"S", "O"} and code[1:].isdigit())
