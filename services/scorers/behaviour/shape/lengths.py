"""How long prompt and answer are, and whether the answer was cut off."""

from services.scorers.behaviour.rows import EMPTY_ANSWER, EMPTY_PROMPT, Row, SingleScorer, judged, none
from services.scorers.behaviour.texts import cut, words
from services.scorers.contract import Card, Measure, Subject

_ENDLESS = float("inf")
PROMPT = Measure(name="prompt.characters", unit="characters", direction="neither", high=_ENDLESS)
ANSWER = Measure(name="response.characters", unit="characters", direction="neither", high=_ENDLESS)
WORDS = Measure(name="response.words", unit="words", direction="neither", high=_ENDLESS)
CUT_OFF = Measure(name="response.cut_off", unit="probability", direction="higher is worse", labels=("cut", "whole"))
_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})

PROMPT_CARD = Card(
    name="prompt-length",
    version="1",
    side="prompt",
    measures=(PROMPT,),
    cost="cheap",
    source="Characters (Unicode code points) of the last user message.",
    blind_spots="Earlier turns, system prompts and pictures.",
)
ANSWER_CARD = Card(
    name="response-length",
    version="1",
    side="response",
    measures=(ANSWER, WORDS, CUT_OFF),
    cost="cheap",
    source="Characters (Unicode code points) and words of the answer; the upstream's finish reason.",
    blind_spots="Words are counted within the first 8,000 characters. An upstream that tells no finish reason, or "
    "tells `stop` of a cut answer.",
)


def prompt_length() -> SingleScorer:
    """Return the scorer of prompts."""
    return SingleScorer(PROMPT_CARD, _judge_prompt)


def response_length() -> SingleScorer:
    """Return the scorer of answers."""
    return SingleScorer(ANSWER_CARD, _judge)


def _judge_prompt(subject: Subject) -> Row:
    return (judged(PROMPT, len(subject.prompt)) if subject.prompt else none(PROMPT, EMPTY_PROMPT),)


def _judge(subject: Subject) -> Row:
    if subject.output is None and not subject.answer:
        return tuple(none(measure, "there is no answer") for measure in ANSWER_CARD.measures)
    cut_off = subject.finish_reason in _CUT
    return (
        judged(ANSWER, len(subject.answer)),
        judged(WORDS, len(words(cut(subject.answer)))) if subject.answer else none(WORDS, EMPTY_ANSWER),
        judged(CUT_OFF, cut_off, "cut" if cut_off else "whole")
        if subject.finish_reason
        else none(CUT_OFF, "no finish reason"),
    )
