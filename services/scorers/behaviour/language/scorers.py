"""The language of prompt and answer, and whether the answer is in another one than the prompt."""

from services.scorers.behaviour.language.identifier import LANGUAGES, SURE, VERSION, Identifier, group_of
from services.scorers.behaviour.rows import EMPTY_ANSWER, EMPTY_PROMPT, SingleScorer, judged, none
from services.scorers.contract import Card, Measure, Score, Side, Subject

LEAST_SURE = 0.8
"""Of both languages, before they are called two."""
_NO_LANGUAGE = "zxx"  # py3langid's name for what is no language, such as numbers and code
_UNSURE = "too short or too mixed to tell"
_SOURCE = f"{VERSION}: naive Bayes over byte n-grams (Lui and Baldwin 2011)."
_BLIND = "Few words, names, code, transliterations and mixed texts; only the first 200 characters are read."

MISMATCH = Measure(
    name="response.language_mismatch",
    unit="probability",
    direction="higher is worse",
    labels=("mismatch", "match"),
)
MISMATCH_CARD = Card(
    name="language-mismatch",
    version=f"{VERSION}.1",
    side="pair",
    measures=(MISMATCH,),
    cost="cheap",
    source=_SOURCE,
    blind_spots="A translation that was asked for is a mismatch. Languages near each other (Croatian and Serbian, "
    "Norwegian and Danish, Czech and Slovak, Malay and Indonesian, Portuguese and Galician, the kinds of Chinese and "
    f"of Arabic) count as one. {_BLIND}",
)


def _card(side: Side) -> Card:
    return Card(
        name=f"{side}-language",
        version=f"{VERSION}.1",
        side=side,
        measures=(Measure(name=f"{side}.language", unit="probability", direction="neither", labels=LANGUAGES),),
        cost="cheap",
        source=_SOURCE,
        blind_spots=_BLIND,
    )


PROMPT_CARD, ANSWER_CARD = _card("prompt"), _card("response")


def prompt_language(identifier: Identifier) -> SingleScorer:
    """Return the scorer of prompts' language."""
    (measure,) = PROMPT_CARD.measures
    return SingleScorer(PROMPT_CARD, lambda subject: (_language(identifier, measure, subject.prompt, EMPTY_PROMPT),))


def response_language(identifier: Identifier) -> SingleScorer:
    """Return the scorer of answers' language."""
    (measure,) = ANSWER_CARD.measures
    return SingleScorer(ANSWER_CARD, lambda subject: (_language(identifier, measure, subject.answer, EMPTY_ANSWER),))


def language_mismatch(identifier: Identifier) -> SingleScorer:
    """Return the scorer of answers in another language."""
    return SingleScorer(MISMATCH_CARD, lambda subject: (_mismatch(identifier, subject),))


def _language(identifier: Identifier, measure: Measure, text: str, empty: str) -> Score:
    language, sure = identifier.language(text)
    if not text:
        return none(measure, empty)
    return judged(measure, sure, language) if sure >= SURE else none(measure, _UNSURE)


def _mismatch(identifier: Identifier, subject: Subject) -> Score:
    if not subject.prompt or not subject.answer:
        return none(MISMATCH, EMPTY_ANSWER if subject.prompt else EMPTY_PROMPT)
    (asked, sure), (answered, as_sure) = identifier.language(subject.prompt), identifier.language(subject.answer)
    if min(sure, as_sure) < LEAST_SURE or _NO_LANGUAGE in (asked, answered):
        return none(MISMATCH, _UNSURE)
    if group_of(asked) == group_of(answered):
        return judged(MISMATCH, 1 - as_sure, "match")
    return judged(MISMATCH, as_sure, "mismatch")
