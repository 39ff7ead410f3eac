"""What a text must keep to (a JSON Schema, a regular expression, tool calls), as a mask over the next token."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from transformers import PreTrainedTokenizerBase

from services.models.tools import CLOSING, OPENING, Tool

_log = logging.getLogger(__name__)
# Enough for two levels of indented JSON; without a bound a small model may write nothing but spaces.
_SPACE = r"[\x20\x0A]{0,8}"
_ANY_OBJECT: Mapping[str, object] = {"type": "object"}


class BadGrammar(ValueError):
    """No grammar, or one that can't be kept to. The message is for the client."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar in llguidance's form, found good for this server's tokenizer."""

    text: str


class Grammars:
    """Makes grammars for one tokenizer and follows them."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: int, ends: Collection[int]) -> None:
        self._tokens = _byte_tokenizer(tokenizer, vocabulary, sorted(ends))

    def of_schema(self, schema: Mapping[str, object]) -> Grammar:
        """Return the grammar of JSON that keeps to a schema.

        Raises:
            BadGrammar: Not a schema, or one with words that can't be kept to while writing.
        """
        return self._checked(
            LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_pattern": _SPACE})
        )

    def of_regex(self, regex: str) -> Grammar:
        """Return the grammar of a regular expression, which the whole text must match.

        Raises:
            BadGrammar: Not a regular expression, or one that looks around.
        """
        return self._checked(LLMatcher.grammar_from_regex(regex))

    def of_tools(self, tools: Sequence[Tool], *, several: bool) -> Grammar:
        """Return the grammar of calls of these tools, one at least, as services.models.conversations writes them.

        Raises:
            BadGrammar: Parameters that can't be kept to while writing.
        """
        calls = [
            {
                "type": "object",
                "properties": {"name": {"const": tool.name}, "arguments": dict(tool.parameters) or _ANY_OBJECT},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for tool in tools
        ]
        schema = {"anyOf": calls, "x-guidance": {"whitespace_pattern": _SPACE}}
        opening, closing, line = (json.dumps(text) for text in (f"{OPENING}\n", f"\n{CLOSING}", "\n"))
        return self._checked(
            LLMatcher.grammar_from_lark(
                f"start: call{f' ({line} call)*' if several else ''}\n"
                f"call: {opening} written {closing}\n"
                f"written: %json {json.dumps(schema)}\n"
            )
        )

    def follow(self, grammar: Grammar) -> "Following":
        """Return a text's place in a grammar, at its beginning."""
        assert self._tokens is not None  # a grammar was made
        return Following(LLMatcher(self._tokens, grammar.text, log_level=0))

    def bytes_of(self, token: int) -> bytes | None:
        """Return what a token writes, or None where the tokenizer does not tell."""
        return None if self._tokens is None else self._tokens.decode_bytes([token])

    def _checked(self, text: str) -> Grammar:
        if self._tokens is None:
            raise BadGrammar("this model's tokenizer does not tell the bytes of its tokens, which a grammar needs")
        error = LLMatcher.validate_grammar(text, self._tokens)
        if error and not error.startswith("WARNING"):
            raise BadGrammar(error.splitlines()[0])
        return Grammar(text)


class Following:
    """Where one text stands in its grammar."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def forbidden(self, size: int) -> torch.Tensor:
        """Return which tokens can't come next, (size,) bool."""
        allowed = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        bits = np.unpackbits(allowed, bitorder="little")[:size]
        return torch.from_numpy(np.pad(bits, (0, size - len(bits))) == 0)

    def hear(self, token: int) -> bool:
        """Take the next token; tell whether the text is complete and can't go on."""
        self._matcher.consume_token(token)
        if self._matcher.is_error():
            raise RuntimeError("a grammar was left, or outgrew its limits")
        return self._matcher.is_stopped()


def _byte_tokenizer(tokenizer: PreTrainedTokenizerBase, vocabulary: int, ends: list[int]) -> LLTokenizer | None:
    """Return the tokenizer as bytes; None where llguidance can't read it so.

    One read from GGUF names ByteLevel last in a row of decoders, of which llguidance believes the first.
    """
    fast = json.loads(tokenizer.backend_tokenizer.to_str())
    decoders = (fast["decoder"] or {}).get("decoders", [fast["decoder"]])
    level = next((decoder for decoder in decoders if decoder and decoder["type"] == "ByteLevel"), None)
    if level is not None:
        fast["decoder"] = level
    elif not any(decoder and decoder["type"] == "ByteFallback" for decoder in decoders):
        return None
    fast["padding"] = fast["truncation"] = None
    try:
        return LLTokenizer(json.dumps(fast), n_vocab=vocabulary, eos_token=ends)
    except BaseException as error:
        # What its older copy of tokenizers does not know is a panic there, which is no Exception here.
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        _log.warning("texts are held to no form: llguidance can't read the tokenizer: %s", type(error).__name__)
        return None
