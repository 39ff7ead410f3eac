"""The embedded heads as scorers: is a prompt an injection, does it ask for harm, is an answer harmful?"""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.metrics import UNSAFE
from services.scorers.adapters.embedder import embedder_of
from services.scorers.adapters.texts import Row, TextSide, rows_of_texts
from services.scorers.contract import Card, Measure, Score, Scorer, Subject
from services.scorers.heads import Head, Judgement, harm_head, head_file, injection_head
from services.scorers.offers import Offer, Wanted
from services.scorers.prompts import PromptScorers
from services.scorers.workshop import Workshop

SAFE = "safe"


@dataclass(frozen=True, slots=True)
class HeadKind:
    """Which head judges which text."""

    name: str
    side: TextSide
    judgement: Judgement
    measure: str
    blind_spots: str


INJECTION = HeadKind(
    "injection-head",
    "prompt",
    "injection",
    "prompt.injection",
    "Attacks that tell a story over several turns, attacks hidden in encodings or in documents; it reads the last "
    "user message alone, and little of other languages than English.",
)
PROMPT_HARM = HeadKind(
    "harm-head",
    "prompt",
    "harm",
    "prompt.harm",
    "Harm that a harmless wording hides, harm in context, mild harm such as bad medical or legal advice, and other "
    "languages than English.",
)
ANSWER_HARM = HeadKind(
    "answer-harm-head",
    "response",
    "harm",
    "response.harm",
    "It was trained on requests more than on answers: an answer that quotes or refuses one may look like one, and "
    "harm that an answer adds of its own may not.",
)


class HeadScorer:
    """A head over one text of a call."""

    def __init__(self, kind: HeadKind, head: Head, threshold: float | None = None) -> None:
        self._kind = kind
        self._head = head
        own = head.answer_threshold if kind.side == "response" else head.threshold
        self._threshold = own if threshold is None else threshold
        self.card = _card(kind, head.version.rpartition("@")[2])

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return the probability that each text is bad."""
        return rows_of_texts(self.card, subjects, self._kind.side, self._judge)

    def _judge(self, texts: Sequence[str]) -> list[Row]:
        probabilities = self._head.score(texts, answers=self._kind.side == "response")
        return [(self._score(float(probability)),) for probability in probabilities]

    def _score(self, probability: float) -> Score:
        return Score(self._kind.measure, probability, UNSAFE if probability >= self._threshold else SAFE)


def head_offer(kind: HeadKind, wanted: Wanted) -> Offer:
    """Return a head as an offer; loading it trains it at first use."""
    workshop = wanted.workshop
    file = head_file(kind.judgement, workshop.data)
    remark = "trained" if file.exists() else "is trained from packaged data at first use, a minute or two"

    def load() -> Scorer:
        loaded = prompt_scorers(workshop)
        head = loaded.injection if kind.judgement == "injection" else loaded.harm
        return HeadScorer(kind, head, wanted.entry.threshold)

    return Offer(_card(kind, file.stem.rpartition("-")[2]), load, remark=remark)


def prompt_scorers(workshop: Workshop) -> PromptScorers:
    """Return the heads over one embedder, loaded once a workshop."""

    def load() -> PromptScorers:
        embedder = embedder_of(workshop)
        return PromptScorers(embedder, injection_head(workshop.data, embedder), harm_head(workshop.data, embedder))

    return workshop.once("prompt scorers", load)


def _card(kind: HeadKind, version: str) -> Card:
    measure = Measure(name=kind.measure, unit="probability", direction="higher is worse", labels=(SAFE, UNSAFE))
    return Card(
        name=kind.name,
        version=version,
        side=kind.side,
        measures=(measure,),
        cost="cheap",
        source="logistic regressions over WordLlama, byte n-grams and MiniLM's middle layers (docs/scores-heads.md)",
        blind_spots=kind.blind_spots,
    )
