"""Half surrogate pairs out of texts, the one thing in a Python string that no tokenizer and no wire takes."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from schemas.inference import ContentPart, Message, ToolCall
from services.scorers.contract import Card, Score, Scorer, Subject

MOST_KNOWN = 256


def readable(text: str) -> str:
    r"""Return a text as it can be written: halves that meet become one character, others U+FFFD.

    Example:
        >>> readable("a\ud83d")
        'a\ufffd'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Readings:
    """Subjects made readable, each once: all scorers of a workshop are shown the same ones. For any thread."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Subject, Subject]] = {}

    def of(self, subject: Subject) -> Subject:
        """Return a subject that can be read; the last ones are known, by identity."""
        found = self._known.get(id(subject))
        if found is not None and found[0] is subject:
            return found[1]
        if len(self._known) >= MOST_KNOWN:
            self._known = {}
        read = _readable(subject)
        self._known[id(subject)] = subject, read
        return read


class ReadableScorer:
    """A scorer that is shown nothing but readable texts."""

    def __init__(self, scorer: Scorer, readings: Readings) -> None:
        self._scorer = scorer
        self._readings = readings

    @property
    def card(self) -> Card:
        """The scorer's own."""
        return self._scorer.card

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return the scorer's rows."""
        return self._scorer.score([self._readings.of(subject) for subject in subjects])


def _readable(subject: Subject) -> Subject:
    """Return the subject itself if all of it can be read: most can, and a copy costs more than the look."""
    prompt, answer = readable(subject.prompt), readable(subject.answer)
    messages = tuple(map(_message, subject.messages))
    output = subject.output and _message(subject.output)
    contexts = tuple(map(readable, subject.contexts))
    texts = (prompt, answer, messages, output, contexts)
    if texts == (subject.prompt, subject.answer, subject.messages, subject.output, subject.contexts):
        return subject
    return replace(subject, prompt=prompt, answer=answer, messages=messages, output=output, contexts=contexts)


def _message(message: Message) -> Message:
    content = message.content
    read = readable(content) if isinstance(content, str) else tuple(map(_part, content))
    calls = tuple(map(_call, message.tool_calls))
    if read == content and calls == message.tool_calls:
        return message
    return msgspec.structs.replace(message, content=read, tool_calls=calls)


def _part(part: ContentPart) -> ContentPart:
    return msgspec.structs.replace(part, text=readable(part.text))


def _call(call: ToolCall) -> ToolCall:
    return msgspec.structs.replace(call, name=readable(call.name), arguments=readable(call.arguments))
