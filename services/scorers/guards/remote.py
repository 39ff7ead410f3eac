"""A guard behind an OpenAI-compatible endpoint (vLLM, llama.cpp, SGLang): the same questions, read off its logprobs.

`Completions` sends the very tokens that a local checkpoint would see, and reads one position. `Chat` lets the server
render, lets the guard write, and reads where it has written what a local guard is made to begin with. Of the vocabulary
the server names the twenty likeliest; a word that is not among them has probability 0. What goes wrong with a call
leaves that call's text unjudged.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from schemas.guards import GuardEndpoint
from services.scorers.contract import CostClass
from services.scorers.guards.asking import GREETING, Conversation, Form, Question, Reading, Turn
from services.scorers.guards.calls import Calls, Mishap
from services.scorers.guards.template import Template, fit, sound

LIKELIEST = 20
MOST_ANSWER_TOKENS = 32
CHARACTERS_A_TOKEN = 3
"""Of a prompt whose tokenizer is the server's."""
TOO_LONG = "the guard's instruction is longer than its context"
NO_LOGPROBS = "the endpoint gives no logprobs"
NOT_ITS_FORM = "the endpoint does not answer as this guard does"


class _Tops(msgspec.Struct, frozen=True):
    top_logprobs: tuple[dict[str, float] | None, ...] | None = None


class _Completion(msgspec.Struct, frozen=True):
    text: str = ""
    logprobs: _Tops | None = None


class _Completions(msgspec.Struct, frozen=True):
    choices: tuple[_Completion, ...]


class _Likely(msgspec.Struct, frozen=True):
    token: str
    logprob: float


class _Position(msgspec.Struct, frozen=True):
    token: str
    top_logprobs: tuple[_Likely, ...] = ()


class _Positions(msgspec.Struct, frozen=True):
    content: tuple[_Position, ...] | None = None


class _Said(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Said = _Said()
    logprobs: _Positions | None = None


class _Chat(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]


class Completions:
    """Renders and tokenizes here, so that the endpoint's model sees what a local one would.

    Args:
        endpoint: Where.
        calls: To it.
        renders: The guard's own template.
    """

    cost: CostClass = "remote"

    def __init__(self, endpoint: GuardEndpoint, calls: Calls, renders: Template) -> None:
        self._model = endpoint.model
        self._calls = calls
        self._renders = renders
        self._blanks: dict[Form, str] = {}
        self.template = renders.source
        self.version = _version(endpoint, renders.version)

    def ask(self, questions: Sequence[Question]) -> list[Reading]:
        """Return a reading for each question."""
        return self._calls.each(self._asked, self._begun(questions))

    def say(self, questions: Sequence[Question]) -> list[str]:
        """Return the line after each question's start; empty where the endpoint failed."""
        return self._calls.each(self._line, self._begun(questions))

    def _asked(self, question: Question) -> Reading:
        prompt = self._renders.fitted(question.form, question.conversation)
        if prompt is None:
            return Reading(unjudged=TOO_LONG)
        tokens, words = self._renders.encode(prompt + question.start), question.words
        if not question.spelled:
            ending = self._renders.ending(prompt + question.start, question.words)
            tokens = ending.of(tokens)
            words = tuple(self._renders.tokenizer.decode([token]) for token in ending.first)
        given = self._complete(tokens, most=1)
        if isinstance(given, Mishap):
            return Reading(unjudged=given.reason)
        tops = given.choices[0].logprobs.top_logprobs if given.choices and given.choices[0].logprobs else None
        if not tops or not tops[0]:
            return Reading(unjudged=NO_LOGPROBS)
        return reading_of(tops[0], words, spelled=question.spelled)

    def _line(self, question: Question) -> str:
        prompt = self._renders.fitted(question.form, question.conversation)
        if prompt is None:
            return ""
        given = self._complete(self._renders.encode(prompt + question.start), most=MOST_ANSWER_TOKENS)
        return "" if isinstance(given, Mishap) or not given.choices else _first_line(given.choices[0].text)

    def _begun(self, questions: Sequence[Question]) -> list[Question]:
        """Write for the guard the white space that it writes before its answer."""
        return [
            replace(question, start=self._blank(question.form) + question.start) if question.blank else question
            for question in questions
        ]

    def _blank(self, form: Form) -> str:
        """Nothing is kept of an endpoint that failed: it is asked again."""
        if form in self._blanks:
            return self._blanks[form]
        given = self._complete(self._renders.encode(self._renders.prompt(form, (Turn("user", GREETING),))), most=2)
        if isinstance(given, Mishap) or not given.choices:
            return ""
        text = given.choices[0].text
        self._blanks[form] = text[: len(text) - len(text.lstrip())]
        return self._blanks[form]

    def _complete(self, tokens: Sequence[int], *, most: int) -> _Completions | Mishap:
        body = {
            "model": self._model, "prompt": list(tokens), "max_tokens": most, "temperature": 0, "logprobs": LIKELIEST,
        }  # fmt: skip
        return self._calls.post("completions", body, _Completions)


class Chat:
    """Sends the conversation, and what the chat template takes beside it as `chat_template_kwargs` (vLLM, SGLang).

    Args:
        endpoint: Where.
        calls: To it.
        context: Tokens of a conversation at most, by an estimate.
    """

    cost: CostClass = "remote"
    template = ""

    def __init__(self, endpoint: GuardEndpoint, calls: Calls, *, context: int) -> None:
        self._model = endpoint.model
        self._calls = calls
        self._characters = context * CHARACTERS_A_TOKEN
        self.version = _version(endpoint, str(context))

    def ask(self, questions: Sequence[Question]) -> list[Reading]:
        """Return a reading for each question."""
        return self._calls.each(self._asked, questions)

    def say(self, questions: Sequence[Question]) -> list[str]:
        """Return the line after each question's start; empty where the guard began otherwise."""
        return self._calls.each(self._line, questions)

    def _asked(self, question: Question) -> Reading:
        given = self._chat(question)
        if isinstance(given, Mishap):
            return Reading(unjudged=given.reason)
        positions = given.choices[0].logprobs.content if given.choices and given.choices[0].logprobs else None
        if not positions:
            return Reading(unjudged=NO_LOGPROBS)
        tops = _place(positions, question.start)
        return reading_of(tops, question.words, spelled=question.spelled) if tops else Reading(unjudged=NOT_ITS_FORM)

    def _line(self, question: Question) -> str:
        given = self._chat(question)
        text = "" if isinstance(given, Mishap) or not given.choices else given.choices[0].message.content or ""
        return _first_line(text.partition(question.start.strip())[2])

    def _chat(self, question: Question) -> _Chat | Mishap:
        kept = fit(question.conversation, self._characters, lambda some: _characters(question.form, some))
        if kept is None:
            return Mishap(TOO_LONG)
        messages = [{"role": turn.role, "content": sound(turn.text)} for turn in question.form.turns(kept)]
        body: dict[str, object] = {
            "model": self._model, "messages": messages, "max_tokens": MOST_ANSWER_TOKENS, "temperature": 0,
            "logprobs": True, "top_logprobs": LIKELIEST,
        }  # fmt: skip
        if question.form.arguments:
            body["chat_template_kwargs"] = dict(question.form.arguments)
        return self._calls.post("chat/completions", body, _Chat)


def reading_of(tops: Mapping[str, float], words: Sequence[str], *, spelled: bool) -> Reading:
    """Return the words' probabilities among the likeliest tokens, by their logprobs.

    Example:
        >>> reading_of({" Yes": -0.1, "Yes": -3.0, "No": -4.0}, ["Yes", "No"], spelled=False).against(0) > 0.7
        True
    """
    chances = {token: math.exp(min(logprob, 0.0)) for token, logprob in tops.items() if logprob == logprob}
    found = tuple(round(_chance(chances, word, words, spelled=spelled), 9) for word in words)
    return Reading(found) if sum(found) > 0 else Reading(unjudged=NOT_ITS_FORM)


def _chance(chances: Mapping[str, float], word: str, words: Sequence[str], *, spelled: bool) -> float:
    """The token itself, or else what has other space about it, or else the longest that only this word begins with."""
    if spelled:
        wanted = word.strip().lower()
        return sum(chance for token, chance in chances.items() if token.strip().lower() == wanted)
    if word in chances:
        return chances[word]
    bare, others = word.strip(), [other.strip() for other in words if other != word]
    begun = [
        token
        for token in chances
        if token.strip() and bare.startswith(token.strip()) and not any(o.startswith(token.strip()) for o in others)
    ]
    return max(((len(token.strip()), chances[token]) for token in begun), default=(0, 0.0))[1]


def _place(positions: Sequence[_Position], start: str) -> dict[str, float]:
    """Return the likeliest tokens of the first position that begins no white space after `start`; none if it is not."""
    written, wanted = "", "".join(start.split())
    for position in positions:
        if position.token.strip() and "".join(written.split()).endswith(wanted):
            return {likely.token: likely.logprob for likely in reversed(position.top_logprobs)}
        written += position.token
    return {}


def _characters(form: Form, conversation: Conversation) -> int:
    return sum(len(turn.text) for turn in form.turns(conversation))


def _first_line(text: str) -> str:
    return text.lstrip("\n").partition("\n")[0]


def _version(endpoint: GuardEndpoint, more: str) -> str:
    """Which weights a server holds under a name it does not say."""
    return hashlib.sha256(f"{endpoint.url} {endpoint.model} {endpoint.form} {more}".encode()).hexdigest()
