"""What was found in texts that come again: a conversation's earlier messages come with every call of it."""

import threading
from collections import OrderedDict
from typing import Protocol

from services.privacy.spans import Span

_CHARACTERS = 4_000_000


class Finds(Protocol):
    """Says where something private stands: services.privacy.detector, services.privacy.names."""

    def find(self, text: str) -> tuple[Span, ...]:
        """Return what stands in a text, in its order, no two overlapping."""


class Memory:
    """A detector that remembers the last texts, by their text, up to some millions of characters. For any thread."""

    def __init__(self, detector: Finds, characters: int = _CHARACTERS) -> None:
        self._detector, self._most = detector, characters
        self._found: OrderedDict[str, tuple[Span, ...]] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def find(self, text: str) -> tuple[Span, ...]:
        """Return what stands in a text, as the detector does."""
        with self._lock:
            if (known := self._found.get(text)) is not None:
                self._found.move_to_end(text)
                return known
        found = self._detector.find(text)
        with self._lock:
            if text not in self._found and len(text) <= self._most:
                self._found[text] = found
                self._held += len(text)
            while self._held > self._most:
                self._held -= len(self._found.popitem(last=False)[0])
        return found
