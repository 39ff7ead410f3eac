"""A guard's tokenizer and chat template: conversations become prompts that fit, and words become tokens."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from services.scorers.guards.asking import (
    GREETING,
    Conversation,
    Form,
    GuardUnavailable,
    Speaker,
    Turn,
    filled,
    word_begun,
)

CHARACTERS_A_TOKEN = 16
"""What is longer than this by the context's tokens is cut before it is tokenized: a megabyte costs no second."""
ANSWER_TOKENS = 48
CUT = "\n[…]\n"
_PROBE = "zebra"


class Template:
    """Renders with the checkpoint's own chat template; texts of a call can't write its special tokens.

    Args:
        tokenizer: A transformers tokenizer.
        context: Tokens of a prompt at most, the guard's answer included.
    """

    def __init__(self, tokenizer: Any, *, context: int) -> None:
        self.tokenizer = tokenizer
        self._room = context - ANSWER_TOKENS
        self._in_parts: dict[Form, bool] = {}
        self._texts: list[str] = []
        special = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
        special += [token for token in tokenizer.all_special_tokens if token not in special]
        longest_first = sorted(filter(None, special), key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    @property
    def source(self) -> str:
        """The chat template as the checkpoint writes it; empty where it has none."""
        return str(self.tokenizer.chat_template or "")

    @property
    def version(self) -> str:
        """A hash of template, vocabulary size and context."""
        return hashlib.sha256(f"{self.source}\n{len(self.tokenizer)}\n{self._room}".encode()).hexdigest()

    def prompt(self, form: Form, conversation: Conversation) -> str:
        """Return the text that a guard is given, however long."""
        sound = tuple(Turn(turn.role, self._disarmed(turn.text)) for turn in conversation)
        rendered = filled(form.raw, sound) if form.raw else self._chat(form, form.turns(sound))
        return form.mend(rendered) if form.mend else rendered

    def fitted(self, form: Form, conversation: Conversation) -> str | None:
        """Return the text that a guard is given, shortened to its context; None if its instruction alone is longer.

        The oldest exchanges go first, then the middle of the judged text and of the prompt that it answers. What the
        guard is told stays whole.
        """
        kept = fit(conversation, self._room, lambda some: len(self.encode(self.prompt(form, some))))
        return None if kept is None else self.prompt(form, kept)

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens, none added."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def begun(self, prompt: str, blank: Sequence[int], start: str) -> list[int]:
        """Return a prompt's tokens, then the blank's, then those of what the guard's answer starts with.

        They are cut as one text, as a guard is trained on them, unless the prompt's own tokens would be others then:
        those stand before it writes anything.
        """
        before, start = [*self.encode(prompt), *blank], start.rstrip(" ")
        whole = [] if blank else self.encode(prompt + start)
        return whole if whole[: len(before)] == before else [*before, *self.encode(start)]

    def beginnings(self, words: Sequence[str], *, spelled: bool) -> list[list[int]]:
        """Return for each word all tokens that begin it and no other; with `spelled` those that are the word.

        Raises:
            GuardUnavailable: There is none.
        """
        if not self._texts:
            self._texts = self.tokenizer.batch_decode([[token] for token in range(len(self.tokenizer))])
        found: list[list[int]] = [[] for _ in words]
        for token, text in enumerate(self._texts):
            word = word_begun(text, words, spelled=spelled)
            if word is not None:
                found[word].append(token)
        if not all(found):
            raise GuardUnavailable(f"the checkpoint's tokenizer has no token for {' or '.join(words)}")
        return found

    def prefix(self, form: Form, role: Speaker) -> tuple[int, ...]:
        """Return the tokens with which every prompt of a form begins when this role is judged."""
        here, there = (self.encode(self.prompt(form, _probe(role, text))) for text in (GREETING, _PROBE))
        # The last of them may be joined to what follows.
        return tuple(here[: max(0, _common(here, there) - 1)])

    def _chat(self, form: Form, conversation: Conversation) -> str:
        if form not in self._in_parts:
            probe = form.turns(_probe(conversation[-1].role, _PROBE))
            self._in_parts[form] = _PROBE not in self._rendered(form, probe, in_parts=False)
        return self._rendered(form, conversation, in_parts=self._in_parts[form])

    def _rendered(self, form: Form, conversation: Conversation, *, in_parts: bool) -> str:
        """Some templates (Llama Guard 3 1B, Llama Guard 4) read content as a list of parts and drop a plain string."""
        messages = [
            {"role": turn.role, "content": [{"type": "text", "text": turn.text}] if in_parts else turn.text}
            for turn in conversation
        ]
        return str(
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **form.arguments)
        )

    def _disarmed(self, text: str) -> str:
        return self._special.sub(lambda found: f"{found.group()[0]} {found.group()[1:]}", sound(text))


def sound(text: str) -> str:
    """Return a text that any tokenizer takes: half a surrogate pair becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def fit(conversation: Conversation, room: int, count: Callable[[Conversation], int]) -> Conversation | None:
    """Return a conversation shortened until `count` of it is at most `room`; None if nothing of it would fit."""
    bounded = _bounded(conversation, room * CHARACTERS_A_TOKEN)
    if count(bounded) <= room:
        return bounded
    least = 1 if conversation[-1].role == "user" else 2
    low, high = 1, (len(bounded) - least) // 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if count(bounded[2 * middle :]) <= room else (middle + 1, high)
    kept = bounded[2 * high :] if high > 0 else bounded
    return kept if high > 0 and count(kept) <= room else _cut(kept, room, count)


def _cut(kept: Conversation, room: int, count: Callable[[Conversation], int]) -> Conversation | None:
    fixed = count(_share_of(kept, 0))
    if fixed > room:
        return None
    share = max(len(kept[-1].text), 3 * len(kept[0].text))
    while (tokens := count(_share_of(kept, share))) > room:
        share = min(share - 1, int(share * (room - fixed) / (tokens - fixed)))
    return _share_of(kept, share)


def _share_of(kept: Conversation, share: int) -> Conversation:
    """The judged text may have three times as much as the prompt that it answers."""
    *context, judged = kept
    earlier = tuple(Turn(turn.role, shortened(turn.text, share // 3)) for turn in context)
    return (*earlier, Turn(judged.role, shortened(judged.text, share)))


def _bounded(conversation: Conversation, characters: int) -> Conversation:
    turns = tuple(Turn(turn.role, shortened(turn.text, characters)) for turn in conversation)
    left, start = characters, len(turns)
    while start > 0 and left > 0:
        start -= 1
        left -= len(turns[start].text)
    least = 1 if turns[-1].role == "user" else 2
    return turns[min(start + start % 2, len(turns) - least) :]


def shortened(text: str, characters: int) -> str:
    """Return a text of so many characters at most, beside the mark where its middle is cut out."""
    if len(text) <= characters:
        return text
    head = (characters + 1) // 2
    return text[:head] + CUT + text[len(text) - characters // 2 :]


def _probe(role: Speaker, text: str) -> Conversation:
    asked = Turn("user", text)
    return (asked,) if role == "user" else (asked, Turn("assistant", text))


def _common(some: Sequence[int], others: Sequence[int]) -> int:
    pairs = enumerate(zip(some, others, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(some), len(others)))
