"""One text as it grows: what may be shown already, and when it is over. Pure."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

_INCOMPLETE = "\ufffd"
# A tokenizer may glue a space to a text's first token, so text is decoded from some tokens before the new ones.
_CONTEXT = 6


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
    _text: str = ""
    _read: int = 0
    _starts: list[int] = field(default_factory=list)
    _shown: int = 0
    _released: int = 0
    _cut: bool = False

    def hear(self, token: int, *, complete: bool = False) -> str:
        """Take the next token; return the text that can be shown now and was not before.

        Args:
            token: The next token.
            complete: Nothing can come after it.
        """
        self.tokens.append(token)
        self._starts.append(len(self._text))
        if token in self.end_tokens:
            self.reason = "stop"
            self._starts.pop()
            return self._show(self._text + self._unread(self.tokens[:-1]))
        text = self._text + self._unread(self.tokens)
        cuts = [at for stop in self.stop if (at := text.find(stop, max(0, len(self._text) - len(stop)))) >= 0]
        if cuts:
            self.reason, self._cut = "stop", True
            return self._show(text[: min(cuts)])
        if complete or len(self.tokens) >= self.max_tokens:
            self.reason = "stop" if complete else "length"
            return self._show(text)
        if text.endswith(_INCOMPLETE):
            return ""
        self._text, self._read = text, len(self.tokens)
        return self._show(text[: len(text) - self._may_become_stop(text)])

    def release(self) -> range:
        """Return the positions of tokens that have begun to be shown since this was last asked.

        Of a text that is over all others, too, but for those of a stop text.
        """
        held = () if self.reason and not self._cut else range(self._released, len(self._starts))
        until = next((at for at in held if self._starts[at] >= self._shown), len(self._starts))
        released, self._released = range(self._released, until), until
        return released

    def _unread(self, tokens: Sequence[int]) -> str:
        """Return the text of the tokens that are not read yet."""
        begin = max(0, self._read - _CONTEXT)
        before, whole = self.decode(tokens[begin : self._read]), self.decode(tokens[begin:])
        return whole[len(before) :]

    def _show(self, text: str) -> str:
        new, self._shown = text[self._shown :], max(self._shown, len(text))
        return new

    def _may_become_stop(self, text: str) -> int:
        """Return the length of the longest end of the text that begins a stop text."""
        lengths = (length for stop in self.stop for length in range(1, len(stop)) if text.endswith(stop[:length]))
        return max(lengths, default=0)
