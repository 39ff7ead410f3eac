"""How friendly prompt and answer sound: VADER (Hutto and Gilbert 2014), a lexicon of English with rules.

Sentence by sentence, as its authors advise.
"""

import string
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
    allcap_differential,
)

from services.scorers.behaviour.language.identifier import Identifier
from services.scorers.behaviour.rows import EMPTY_ANSWER, EMPTY_PROMPT, Row, SingleScorer, judged
from services.scorers.behaviour.texts import cut, prose, sentences
from services.scorers.contract import Card, Measure, Side, Subject, unjudged

MOST_CHARACTERS = 300
POSITIVE = 0.05
NOT_ENGLISH = "not English"
_NO_PROSE = "no prose"
_EMOTICON = 2
# Where none of them stands near a word, and no "n't", the library's rules leave it the value that the lexicon has.
# Of a phrase one word will do, the longest: it is met more rarely than the others.
_HEEDED = frozenset(max(phrase.split(), key=len) for phrase in (*BOOSTER_DICT, *NEGATE, *SPECIAL_CASES)) | {
    *("no", "or", "nor", "so", "this", "least", "never", "without", "doubt")
}


def prompt_sentiment(identifier: Identifier) -> SingleScorer:
    """Return the scorer of prompts."""
    return _scorer("prompt", lambda subject: subject.prompt, EMPTY_PROMPT, identifier)


def response_sentiment(identifier: Identifier) -> SingleScorer:
    """Return the scorer of answers."""
    return _scorer("response", lambda subject: subject.answer, EMPTY_ANSWER, identifier)


def _scorer(side: Side, text_of: Callable[[Subject], str], empty: str, identifier: Identifier) -> SingleScorer:
    card = PROMPT_CARD if side == "prompt" else ANSWER_CARD
    sentiment = Sentiment()

    def judge(subject: Subject) -> Row:
        text = prose(cut(text_of(subject), MOST_CHARACTERS))
        if not text.strip():
            return unjudged(card, _NO_PROSE if text_of(subject) else empty)
        if not identifier.may_be_english(text):
            return unjudged(card, NOT_ENGLISH)
        value = sentiment.of(text)
        return (judged(card.measures[0], value, _label(value)),)

    return SingleScorer(card, judge)


class Sentiment:
    """The packaged lexicon and rules."""

    def __init__(self) -> None:
        self._analyzer = SentimentIntensityAnalyzer()

    def of(self, text: str) -> float:
        """Return the mean compound score of a text's sentences, -1 to 1.

        Example:
            >>> Sentiment().of("I love it. It arrived on Monday.") == Sentiment().of("I love it.") / 2
            True
        """
        said = sentences(text)
        return fmean(self._of_sentence(one) for one in said) if said else 0.0

    def _of_sentence(self, text: str) -> float:
        if not (text.isascii() or self._analyzer.emojis.keys().isdisjoint(text)):
            return float(self._analyzer.polarity_scores(text)["compound"])
        words = _words(text)
        lower = [word.lower() for word in words]
        lexicon = self._analyzer.lexicon
        known = [at for at, word in enumerate(lower) if word in lexicon]
        if not known:
            return 0.0
        is_cap_diff = allcap_differential(words)
        valences = [0.0] * len(words)
        for at in known:
            valences[at] = self._valence(words, lower, at, is_cap_diff)
        if not any(valences):
            return 0.0
        if "but" in lower:
            valences = self._analyzer._but_check(words, valences)
        return float(self._analyzer.score_valence(valences, text)["compound"])

    def _valence(self, words: list[str], lower: list[str], at: int, is_cap_diff: bool) -> float:
        """Return what the library says of a word it knows; it is shown the three before and the two behind."""
        word = lower[at]
        if word in BOOSTER_DICT:
            return 0.0
        if word == "kind" and lower[at + 1 : at + 2] == ["of"]:
            return 0.0
        near = lower[max(0, at - 3) : at + 3]
        shouted = is_cap_diff and words[at].isupper()
        if not shouted and _HEEDED.isdisjoint(near) and "n't" not in " ".join(near):
            return float(self._analyzer.lexicon[word])
        window = _Window(words[max(0, at - 3) : at + 3], is_cap_diff)
        return float(self._analyzer.sentiment_valence(0, window, words[at], min(at, 3), [])[0])


@dataclass(frozen=True, slots=True)
class _Window:
    """Words as the library wants them; shown all, it makes them lower case again for each word."""

    words_and_emoticons: list[str]
    is_cap_diff: bool


def _words(text: str) -> list[str]:
    """Return the words and emoticons of a text as the library does: without signs around what is longer than two."""
    return [word if word.isalnum() else _bare(word) for word in text.split()]


def _bare(word: str) -> str:
    bare = word.strip(string.punctuation)
    return word if len(bare) <= _EMOTICON else bare


def _label(value: float) -> str:
    if value >= POSITIVE:
        return "positive"
    return "negative" if value <= -POSITIVE else "neutral"


def _card(side: Side) -> Card:
    return Card(
        name=f"{side}-sentiment",
        version="vaderSentiment-3.3.2.1",
        side=side,
        measures=(
            Measure(
                name=f"{side}.sentiment",
                unit="compound",
                direction="higher is better",
                low=-1.0,
                labels=("negative", "neutral", "positive"),
            ),
        ),
        cost="cheap",
        source="VADER's compound score, mean of sentences; negative to -0.05, positive from 0.05 (Hutto and Gilbert "
        "2014).",
        blind_spots="English alone, the first 300 characters, irony, and who or what the feeling is about: a polite "
        "answer on a war sounds negative.",
    )


PROMPT_CARD, ANSWER_CARD = _card("prompt"), _card("response")
