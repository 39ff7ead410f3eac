"""Does an answer stand on the passages that it was given? Sentence by sentence, and by its numbers and names.

Sources: the best-matching sentence as evidence, after faithfulness in Ragas (Es et al. 2023) and SummaC's
sentence-level support (Laban et al. 2022), with words and static embeddings in the place of a language model;
numbers and names as what invented text gives away, after entity precision (Nan et al. 2021).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.scorers.behaviour.rows import EMPTY_ANSWER, Row, judged, none
from services.scorers.behaviour.texts import cut, prose, sentences, words
from services.scorers.contract import Card, Measure, Subject, unjudged
from services.scorers.embedding import NAME, Embedder, Vectors

GROUNDEDNESS = Measure(
    name="response.groundedness", unit="ratio", direction="higher is better", labels=("ungrounded", "grounded")
)
UNSUPPORTED = Measure(
    name="response.unsupported", unit="count", direction="higher is worse", high=float("inf"), labels=("some", "none")
)
GROUNDED = 0.6
SETTLED = 0.8
"""Share of a sentence's words in one passage, from which its embedding is not looked at."""
MOST_CONTEXT = 24_000
MOST_ANSWER_SENTENCES, MOST_CONTEXT_SENTENCES = 40, 400
LEAST_WORDS = 3
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_ORDINAL = re.compile(r"(?m)^\s*\d{1,2}[.)]\s")
_NAME = re.compile(r"(?<=[\w,;:)\"'’] )[^\W\d_]\w+")
_SHORT = 3
# The words that say nothing of a passage's topic in the languages that are met most.
_EMPTY_WORDS = """
    a an and are as at be but by can do does for from had has have he her his how i if in into is it its just may more
    most my no not of on one or our she so some such than that the their them then there these they this to too was we
    were what when where which who will with would you your
    der die das und ist sind ein eine einer eines dem den des im in zu mit von für auf nicht es er sie wir ich
    le la les un une des et est sont dans de du pour que qui ne pas il elle el los las una y son en por con
    lo gli e di da per che non o os um uma dos em com não
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


@dataclass(frozen=True, slots=True)
class _Passages:
    """Contexts, taken apart.

    Attributes:
        said: Content words of each sentence and of the one behind it.
        everything: All words and numbers of contexts and prompt.
    """

    sentences: tuple[str, ...]
    said: tuple[frozenset[str], ...]
    everything: frozenset[str]


class Groundedness:
    """Judges answers that were given passages."""

    card = Card(
        name="groundedness",
        version=f"{NAME}.1",
        side="pair",
        measures=(GROUNDEDNESS, UNSUPPORTED),
        cost="cheap",
        source="Share of an answer that its best context sentence supports in words or embedding (after Laban et al. "
        "2022, Es et al. 2023); numbers and names in no context (after Nan et al. 2021).",
        blind_spots="A sentence that denies or twists its passage in the passage's words is grounded; what follows "
        "from the passages by reasoning or translation is not. Names at the start of a sentence, and in scripts "
        "without capitals, go unseen.",
    )

    def __init__(self, embedder: Embedder, *, threshold: float | None = None) -> None:
        self._embedder = embedder
        self._threshold = GROUNDED if threshold is None else threshold

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return a row for each subject."""
        return [self._judge(subject) for subject in subjects]

    def _judge(self, subject: Subject) -> Row:
        contexts = "\n".join(subject.contexts)
        if not contexts.strip():
            return unjudged(self.card, "no contexts were given")
        text = prose(cut(subject.answer))
        if not text.strip():
            return unjudged(self.card, EMPTY_ANSWER)
        passages = _passages(cut(contexts, MOST_CONTEXT), cut(subject.prompt))
        missing = len(unsupported(text, passages.everything))
        said = [one for one in sentences(text) if len(words(one)) >= LEAST_WORDS][:MOST_ANSWER_SENTENCES]
        invented = judged(UNSUPPORTED, missing, "some" if missing else "none")
        if not said:
            return none(GROUNDEDNESS, "no whole sentence"), invented
        value = self._supported(said, passages)
        return judged(GROUNDEDNESS, value, "grounded" if value >= self._threshold else "ungrounded"), invented

    def _supported(self, said: Sequence[str], passages: _Passages) -> float:
        """Return the mean support of sentences, weighted by their lengths."""
        overlaps = [_overlap(one, passages.said) for one in said]
        # Words alone settle most sentences of a grounded answer; embeddings are the larger part of the cost.
        open_ones = [at for at, overlap in enumerate(overlaps) if overlap < SETTLED]
        if open_ones:
            vectors = self._embedder.embed([*(said[at] for at in open_ones), *passages.sentences])
            near = _nearest(vectors[: len(open_ones)], vectors[len(open_ones) :])
            for at, cosine in zip(open_ones, near, strict=True):
                overlaps[at] = max(overlaps[at], float(cosine))
        return float(np.average(overlaps, weights=[len(one) for one in said]))


def unsupported(text: str, everything: frozenset[str]) -> set[str]:
    """Return the numbers and names of a text that stand nowhere in `everything`, which is in lower case.

    Example:
        >>> sorted(unsupported("It was founded by Ada Lovelace in 1815.", frozenset({"ada", "founded"})))
        ['1815', 'lovelace']
    """
    plain = _ORDINAL.sub(" ", text)
    numbers = {_plain(number) for number in _NUMBER.findall(plain)}
    names = {name.lower() for name in _NAME.findall(plain) if name[0].isupper() and len(name) >= _SHORT}
    return {one for one in numbers | names if one not in everything and one.removesuffix("s") not in everything}


def _passages(contexts: str, prompt: str) -> _Passages:
    told = tuple(sentences(contexts)[:MOST_CONTEXT_SENTENCES])
    plain = [_content(one) for one in told]
    paired = tuple(one | other for one, other in zip(plain, [*plain[1:], frozenset[str]()], strict=True))
    both = f"{contexts}\n{prompt}"
    numbers = (_plain(number) for number in _NUMBER.findall(both))
    known = words(both)
    stems = (word.split(sign)[0] for sign in "'’" for word in known if sign in word)
    return _Passages(told, paired, frozenset((*known, *stems, *numbers)))


def _plain(number: str) -> str:
    """Return a number without the signs that group its thousands."""
    return re.sub(r"[.,](?=\d{3}(?!\d))", "", number).rstrip(".,:/-")


def _content(text: str) -> frozenset[str]:
    return frozenset(words(text)) - _EMPTY


def _overlap(text: str, said: Sequence[frozenset[str]]) -> float:
    """Return the share of a sentence's content words that the best passage has; 0 for a sentence of none."""
    content = _content(text)
    return max([len(content & one) for one in said], default=0) / len(content) if content else 0.0


def _nearest(answers: Vectors, contexts: Vectors) -> Vectors:
    return (answers @ contexts.T).max(axis=1) if len(contexts) else np.zeros(len(answers), np.float32)
