"""The language of prompt and answer, and whether the answer is in another one than the prompt."""

from services.scorers.behaviour.language.identifier import SURE, VERSION, Identifier, group_of
from services.scorers.behaviour.rows import EMPTY_ANSWER, EMPTY_PROMPT, SingleScorer, judged, none
from services.scorers.contract import Card, Measure, Score, Subject

LEAST_SURE = 0.8
"""Of both languages, before they are called two."""
_NO_LANGUAGE = "zxx"  # py3langid's name for what is no language, such as numbers and code
_UNSURE = "too short or too mixed to tell"
_SOURCE = f"{VERSION}: naive Bayes over byte n-grams (Lui and Baldwin 2011)."
_BLIND = "Few words, names, code, transliterations and mixed texts; only the first 300 characters are read."

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


def prompt_language(identifier: Identifier) -> SingleScorer:
    """Return the scorer of prompts' language."""
    card = _card("prompt", identifier)
    return SingleScorer(card, lambda subject: (_language(identifier, card.measures[0], subject.prompt, EMPTY_PROMPT),))


def response_language(identifier: Identifier) -> SingleScorer:
    """Return the scorer of answers' language."""
    card = _card("response", identifier)
    return SingleScorer(card, lambda subject: (_language(identifier, card.measures[0], subject.answer, EMPTY_ANSWER),))


def language_mismatch(identifier: Identifier) -> SingleScorer:
    """Return the scorer of answers in another language."""
    return SingleScorer(MISMATCH_CARD, lambda subject: (_mismatch(identifier, subject),))


def _card(side: str, identifier: Identifier) -> Card:
    measure = Measure(
        name=f"{side}.language", unit="probability", direction="neither", labels=tuple(identifier.languages)
    )
    return Card(
        name=f"{side}-language",
        version=f"{VERSION}.1",
        side="prompt" if side == "prompt" else "response",
        measures=(measure,),
        cost="cheap",
        source=_SOURCE,
        blind_spots=_BLIND,
    )


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
