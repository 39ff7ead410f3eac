"""A guard behind an OpenAI-compatible endpoint (vLLM, llama.cpp, SGLang): the same questions, read off its logprobs.

`Completions` sends the very tokens that a local checkpoint would see, and reads one position. `Chat` lets the server
render, lets the guard write, and reads where it has written what a local guard is made to begin with. Of the vocabulary
the server names the twenty likeliest; a word that is not among them has probability 0. What goes wrong with a call
leaves that call's text unjudged.
"""

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence

import msgspec

from schemas.guards import GuardEndpoint
from services.scorers.contract import CostClass
from services.scorers.guards.asking import GREETING, Conversation, Form, Question, Reading, Turn, word_begun
from services.scorers.guards.template import Template, fit, sound
from services.scorers.remote.asking import Asker, NoAnswer

LIKELIEST = 20
MOST_ANSWER_TOKENS = 48
MOST_CHAT_TOKENS = 96
MOST_BLANK_TOKENS = 2
CHARACTERS_A_TOKEN = 3
"""Of a prompt whose tokenizer is the server's."""
TOO_LONG = "the guard's instruction is longer than its context"
NO_LOGPROBS = "the endpoint gives no logprobs"
NOT_ITS_FORM = "the endpoint does not answer as this guard does"


class _Tops(msgspec.Struct, frozen=True):
    tokens: tuple[str, ...] = ()
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
        asker: Of it.
        renders: The guard's own template.
    """

    cost: CostClass = "remote"

    def __init__(self, endpoint: GuardEndpoint, asker: Asker, renders: Template) -> None:
        self._model = endpoint.model
        self._asker = asker
        self._renders = renders
        self._blanks: dict[Form, tuple[int, ...]] = {}
        self._mishaps: dict[Form, str] = {}
        self.template = renders.source
        self.version = _version(endpoint, renders.version)

    def ask(self, questions: Sequence[Question]) -> list[Reading]:
        """Return a reading for each question."""
        self._find_blanks(questions)
        return self._asker.each(self._asked, questions)

    def say(self, questions: Sequence[Question]) -> list[str]:
        """Return the line after each question's start; empty where the endpoint failed."""
        self._find_blanks(questions)
        return self._asker.each(self._line, questions)

    def _asked(self, question: Question) -> Reading:
        prompt = self._renders.fitted(question.form, question.conversation)
        if prompt is None:
            return Reading(unjudged=TOO_LONG)
        if question.blank and question.form not in self._blanks:
            return Reading(unjudged=self._mishaps.get(question.form, NO_LOGPROBS))
        given = self._complete(self._tokens(prompt, question), most=1)
        if isinstance(given, NoAnswer):
            return Reading(unjudged=str(given))
        tops = given.choices[0].logprobs.top_logprobs if given.choices and given.choices[0].logprobs else None
        if not tops or not tops[0]:
            return Reading(unjudged=NO_LOGPROBS)
        return reading_of(tops[0], question.words, spelled=question.spelled)

    def _line(self, question: Question) -> str:
        prompt = self._renders.fitted(question.form, question.conversation)
        if prompt is None:
            return ""
        given = self._complete(self._tokens(prompt, question), most=MOST_ANSWER_TOKENS)
        return "" if isinstance(given, NoAnswer) or not given.choices else _first_line(given.choices[0].text)

    def _tokens(self, prompt: str, question: Question) -> list[int]:
        blank = self._blanks.get(question.form, ()) if question.blank else ()
        return self._renders.begun(prompt, blank, question.start)

    def _find_blanks(self, questions: Sequence[Question]) -> None:
        """Ask once a form what white space the guard writes before its answer.

        Without it the wrong place would be read: while the endpoint fails to say, texts stay unjudged.
        """
        for form in {question.form for question in questions if question.blank} - self._blanks.keys():
            prompt = self._renders.prompt(form, (Turn("user", GREETING),))
            given = self._complete(self._renders.encode(prompt), most=MOST_BLANK_TOKENS)
            if isinstance(given, NoAnswer):
                self._mishaps[form] = str(given)
            elif given.choices:
                written = given.choices[0].logprobs.tokens if given.choices[0].logprobs else ()
                blank = itertools.takewhile(str.isspace, written or (given.choices[0].text[:1],))
                self._blanks[form] = tuple(token for text in blank for token in self._renders.encode(text))

    def _complete(self, tokens: Sequence[int], *, most: int) -> _Completions | NoAnswer:
        body = {
            "model": self._model, "prompt": list(tokens), "max_tokens": most, "temperature": 0, "logprobs": LIKELIEST,
        }  # fmt: skip
        return self._asker.tried("completions", body, _Completions)


class Chat:
    """Sends the conversation, and what the chat template takes beside it as `chat_template_kwargs` (vLLM, SGLang).

    Args:
        endpoint: Where.
        asker: Of it.
        context: Tokens of a conversation at most, by an estimate.
    """

    cost: CostClass = "remote"
    template = ""

    def __init__(self, endpoint: GuardEndpoint, asker: Asker, *, context: int) -> None:
        self._model = endpoint.model
        self._asker = asker
        self._characters = context * CHARACTERS_A_TOKEN
        self.version = _version(endpoint, str(context))

    def ask(self, questions: Sequence[Question]) -> list[Reading]:
        """Return a reading for each question."""
        return self._asker.each(self._asked, questions)

    def say(self, questions: Sequence[Question]) -> list[str]:
        """Return the line after each question's start; empty where the guard began otherwise."""
        return self._asker.each(self._line, questions)

    def _asked(self, question: Question) -> Reading:
        given = self._chat(question)
        if isinstance(given, NoAnswer):
            return Reading(unjudged=str(given))
        positions = given.choices[0].logprobs.content if given.choices and given.choices[0].logprobs else None
        if not positions:
            return Reading(unjudged=NO_LOGPROBS)
        tops = _place(positions, question.start)
        return reading_of(tops, question.words, spelled=question.spelled) if tops else Reading(unjudged=NOT_ITS_FORM)

    def _line(self, question: Question) -> str:
        given = self._chat(question)
        text = "" if isinstance(given, NoAnswer) or not given.choices else given.choices[0].message.content or ""
        return _first_line(text.partition(question.start.strip())[2])

    def _chat(self, question: Question) -> _Chat | NoAnswer:
        kept = fit(question.conversation, self._characters, lambda some: _characters(question.form, some))
        if kept is None:
            return NoAnswer(TOO_LONG)
        messages = [{"role": turn.role, "content": sound(turn.text)} for turn in question.form.turns(kept)]
        body: dict[str, object] = {
            "model": self._model, "messages": messages, "max_tokens": MOST_CHAT_TOKENS, "temperature": 0,
            "logprobs": True, "top_logprobs": LIKELIEST,
        }  # fmt: skip
        if question.form.arguments:
            body["chat_template_kwargs"] = dict(question.form.arguments)
        return self._asker.tried("chat/completions", body, _Chat)


def reading_of(tops: Mapping[str, float], words: Sequence[str], *, spelled: bool) -> Reading:
    """Return the words' probabilities among the likeliest tokens, by their logprobs.

    Example:
        >>> reading_of({" Yes": -0.1, "Yes": -3.0, "No": -4.0}, ["Yes", "No"], spelled=False).against(0) > 0.7
        True
    """
    found = [0.0] * len(words)
    for token, logprob in tops.items():
        word = word_begun(token, words, spelled=spelled)
        if word is not None and not math.isnan(logprob):
            found[word] += math.exp(min(logprob, 0.0))
    return Reading(tuple(round(chance, 9) for chance in found)) if sum(found) > 0 else Reading(unjudged=NOT_ITS_FORM)


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
