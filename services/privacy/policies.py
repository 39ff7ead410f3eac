"""An app's policy applied to its events, before they are spooled or produced. Texts in, texts out; keys are read.

An event is read twice. First what is private in it is found, in each text by itself; where something is, texts
are written, and what was found in one of them is masked in all, for an answer repeats a number without the word
that gave it away.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from schemas.configuration import App, Privacy
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.privacy import Private
from schemas.record import Record
from services.privacy.detector import Detector
from services.privacy.memory import Memory
from services.privacy.pseudonyms import Keys
from services.privacy.spans import Span, merged, replaced
from services.privacy.texts import Event, Side, rewritten, texts_of

_LEAST_ECHO, _MOST_ECHOES = 6, 64
_DROP = Privacy(policy="drop-text")


class Policies:
    """The policies of all apps. For any thread.

    Args:
        apps: One that isn't among them is treated as one that says nothing of its privacy.
        data: The deployment's folder, where the keys of pseudonyms are.
    """

    def __init__(self, apps: Iterable[App], data: Path) -> None:
        self._apps = {app.name: app for app in apps}
        self._keys = Keys(data)
        self._memories: dict[tuple[str, ...], Memory] = {}

    def applied(self, event: Event) -> Event:
        """Return an event under its app's policy: what it says of itself (`private`) is what was done here."""
        return self._applied(event, self.of(event.app))

    def applied_to_any(self, record: Record, *, drop: bool = False) -> Record:
        """Return a record of an inbound topic under its app's policy, or without its texts whatever that is."""
        if isinstance(record, InferenceRequested):
            return self._applied(record, _DROP if drop else self.of(record.app))
        if isinstance(record, InferenceResponded):
            return self._applied(record, _DROP if drop else self.of(record.app))
        if isinstance(record, FeedbackGiven):
            return self._applied(record, _DROP if drop else self.of(record.app))
        raise TypeError(f"{type(record).__name__} is no inbound event")

    @property
    def known(self) -> dict[str, Privacy]:
        """The privacy of each app by its name."""
        return {name: app.privacy for name, app in self._apps.items()}

    def of(self, app: str) -> Privacy:
        """Return an app's privacy."""
        return self._apps[app].privacy if app in self._apps else Privacy()

    def masked(self, text: str, privacy: Privacy, tenant: str = "") -> str:
        """Return one text under a policy; empty under `drop-text`."""
        if privacy.policy == "off":
            return text
        if privacy.policy == "drop-text":
            return ""
        return self._written(text, self._memory(privacy).find(text), privacy, tenant)

    def _applied(self, event: Event, privacy: Privacy) -> Event:
        if privacy.policy == "off":
            return event if event.private is None else msgspec.structs.replace(event, private=None)
        memory = self._memory(privacy)
        if privacy.policy != "drop-text" and not any(text and memory.find(text) for text in texts_of(event)):
            return msgspec.structs.replace(event, private=Private(policy=privacy.policy, kinds=privacy.kinds))
        reading = _Reading(memory)
        for text in texts_of(event):
            reading.note(text)
        repeats = echoes(reading.values)
        labels = self._apps[event.app].labels if event.app in self._apps else ()

        def write(text: str, side: Side) -> str:
            spans = reading.counted(text, side, repeats)
            if privacy.policy == "drop-text" and side != "beside":
                return text if text in labels else ""
            return self._written(text, spans, privacy, event.tenant)

        return msgspec.structs.replace(rewritten(event, write), private=reading.account(privacy))

    def _written(self, text: str, spans: Iterable[Span], privacy: Privacy, tenant: str) -> str:
        return replaced(text, spans, lambda kind, value: self._mark(kind, value, privacy, tenant))

    def _mark(self, kind: str, value: str, privacy: Privacy, tenant: str) -> str:
        return self._keys.current().pseudonym(tenant, kind, value) if privacy.policy == "hash" else f"[{kind}]"

    def _memory(self, privacy: Privacy) -> Memory:
        if privacy.kinds not in self._memories:
            self._memories[privacy.kinds] = Memory(Detector(privacy.kinds))
        return self._memories[privacy.kinds]


class _Reading:
    """What was found in the texts of one event."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._spans: dict[str, tuple[Span, ...]] = {}
        elsewhere: Counter[str] = Counter()
        self._counts: dict[Side, Counter[str]] = {
            "prompt": Counter(),
            "answer": Counter(),
            "elsewhere": elsewhere,
            "beside": elsewhere,
        }
        self._characters: Counter[Side] = Counter()
        self.values: dict[str, str] = {}

    def note(self, text: str) -> None:
        """Find what is private in a text."""
        if text and text not in self._spans:
            self._spans[text] = self._memory.find(text)
            for start, end, kind in self._spans[text]:
                self.values.setdefault(text[start:end], kind)

    def counted(self, text: str, side: Side, echoes: re.Pattern[str] | None) -> tuple[Span, ...]:
        """Return the spans of a text, with what was found in others; they and the text's length count for its side."""
        spans = self._spans.get(text, ())
        if echoes is not None and text:
            repeated = [Span(*match.span(), self.values[match[0]]) for match in echoes.finditer(text)]
            spans = merged((*spans, *repeated))
        self._counts[side].update(span.kind for span in spans)
        self._characters[side] += len(text)
        return spans

    def account(self, privacy: Privacy) -> Private:
        """Return what the event says of it."""
        drops = privacy.policy == "drop-text"
        return Private(
            policy=privacy.policy,
            kinds=privacy.kinds,
            prompt=dict(self._counts["prompt"]),
            answer=dict(self._counts["answer"]),
            elsewhere=dict(self._counts["elsewhere"]),
            prompt_characters=self._characters["prompt"] if drops else 0,
            answer_characters=self._characters["answer"] if drops else 0,
        )


def echoes(values: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds the values again, the longest first; short ones are words of their own too often."""
    told = sorted((value for value in values if len(value) >= _LEAST_ECHO), key=len, reverse=True)[:_MOST_ECHOES]
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, told))})(?![A-Za-z0-9])") if told else None
