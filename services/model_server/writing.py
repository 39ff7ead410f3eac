"""One text as it grows: what may be shown already, and when it is over. Pure."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

_INCOMPLETE = "\ufffd"


@dataclass(slots=True)
class Writing:
    """Turns tokens into text that can be streamed.

    Text is held back while its last character is incomplete and while it may yet become a stop text.

    Attributes:
        decode: Tokens to text.
        end_tokens: Tokens that end an answer and are not part of it.
        stop: Texts that end an answer and are not part of it.
        max_tokens: The answer is cut after so many.
        reason: `stop` or `length` once it is over, empty before.
    """

    decode: Callable[[Sequence[int]], str]
    end_tokens: Collection[int]
    stop: tuple[str, ...]
    max_tokens: int
    reason: str = ""
    tokens: list[int] = field(default_factory=list)
    _shown: int = 0

    def hear(self, token: int) -> str:
        """Take the next token; return the text that can be shown now and was not before."""
        self.tokens.append(token)
        if token in self.end_tokens:
            self.reason = "stop"
            return self._show(self.decode(self.tokens[:-1]))
        text = self.decode(self.tokens)
        cuts = [text.find(stop) for stop in self.stop if stop in text]
        if cuts:
            self.reason = "stop"
            return self._show(text[: min(cuts)])
        if len(self.tokens) >= self.max_tokens:
            self.reason = "length"
            return self._show(text)
        if text.endswith(_INCOMPLETE):
            return ""
        return self._show(text[: len(text) - self._may_become_stop(text)])

    def _show(self, text: str) -> str:
        new, self._shown = text[self._shown :], max(self._shown, len(text))
        return new

    def _may_become_stop(self, text: str) -> int:
        """Return the length of the longest end of the text that begins a stop text."""
        lengths = (length for stop in self.stop for length in range(1, len(stop)) if text.endswith(stop[:length]))
        return max(lengths, default=0)
