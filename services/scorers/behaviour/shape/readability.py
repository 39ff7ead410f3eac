"""How hard an answer is to read: two grade formulas that count letters, words and sentences alone.

Sources: Automated Readability Index (Smith and Senter 1967); Coleman and Liau 1975. Both give grades of US schools.
"""

from services.scorers.behaviour.rows import EMPTY_ANSWER, Row, SingleScorer, judged
from services.scorers.behaviour.texts import cut, prose, sentences, unspaced_share, words
from services.scorers.contract import Card, Measure, Subject, unjudged

ARI = Measure(name="response.ari", unit="grade", direction="neither", low=-10.0, high=50.0)
COLEMAN_LIAU = Measure(name="response.coleman_liau", unit="grade", direction="neither", low=-20.0, high=50.0)
LEAST_WORDS = 20
_MOST_UNSPACED = 0.1

CARD = Card(
    name="readability",
    version="1",
    side="response",
    measures=(ARI, COLEMAN_LIAU),
    cost="cheap",
    source="Automated Readability Index (Smith and Senter 1967), Coleman-Liau index (1975).",
    blind_spots="Made for English prose: in another language compare an app with itself only. Lists and tables count "
    "as sentences by line, code in fences not at all.",
)


def readability() -> SingleScorer:
    """Return the scorer."""
    return SingleScorer(CARD, _judge)


def grades(text: str) -> tuple[float, float]:
    """Return both grades of a text of at least one word.

    Example:
        >>> [round(grade, 1) for grade in grades("The cat sat on the mat. It was warm.")]
        [-4.8, -5.7]
    """
    found = words(text)
    letters = sum(map(len, found))
    length, parts = len(found), max(1, len(sentences(text)))
    ari = 4.71 * letters / length + 0.5 * length / parts - 21.43
    return ari, 5.88 * letters / length - 29.6 * parts / length - 15.8


def _judge(subject: Subject) -> Row:
    text = prose(cut(subject.answer))
    if not subject.answer:
        return unjudged(CARD, EMPTY_ANSWER)
    if unspaced_share(text) > _MOST_UNSPACED:
        return unjudged(CARD, "a script without spaces between words")
    if len(words(text)) < LEAST_WORDS:
        return unjudged(CARD, f"fewer than {LEAST_WORDS} words of prose")
    ari, coleman_liau = grades(text)
    return judged(ARI, ari), judged(COLEMAN_LIAU, coleman_liau)
