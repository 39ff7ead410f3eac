"""What is held to a form has it, whatever the model would rather write."""

import json
import random
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas.inference import Message, ToolCall
from services.model_server.batching.batch import Batch
from services.model_server.batching.rows import Language
from services.model_server.jobs import Ended, Job, Outcome, Said, Sampling
from services.models.adapters import ResidentAdapters
from services.models.base import load_base
from services.models.conversations import spoken
from services.models.grammars import BadGrammar, Grammar, Grammars
from services.models.tools import Tool, calls_in

SCHEMAS = 50
END = 2
_LEAVES: tuple[dict[str, Any], ...] = (
    {"type": "boolean"},
    {"type": "null"},
    {"type": "integer", "minimum": 0, "maximum": 99},
    {"enum": ["low", "high", "née"]},
    {"type": "string", "maxLength": 6},
    {"type": "string", "pattern": "^[a-z]{2,4}$"},
    {"const": 7},
)
WEATHER = Tool(
    "weather",
    "Tells the weather",
    {
        "type": "object",
        "properties": {"place": {"type": "string", "maxLength": 5}, "days": {"enum": [1, 2]}},
        "required": ["place", "days"],
        "additionalProperties": False,
    },
)


class Writer:
    """The tiny model that can write anything, held to grammars."""

    def __init__(self, folder: Path) -> None:
        model, tokenizer = load_base(folder)
        self.adapters = ResidentAdapters(model)
        self.vocabulary = model.config.vocab_size
        self.grammars = Grammars(tokenizer, self.vocabulary, {END})
        decode = partial(tokenizer.decode, skip_special_tokens=True)
        self._language = Language(decode, {END}, self.grammars)
        self._tokenizer = tokenizer
        self._prompt = tuple(self.tokens("soup"))

    def tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text)["input_ids"])

    def write(self, grammars: Sequence[Grammar | None], max_tokens: int = 400) -> list[tuple[str, str]]:
        """Return texts of one batch, and why each ended."""
        heard: list[list[Outcome]] = [[] for _ in grammars]
        batch = Batch(self._language, reading_tokens=1000)
        batch.admit(
            [
                Job("", self._prompt, heard[at].append, (), Sampling(max_tokens, 1.0, seed=at), grammar)
                for at, grammar in enumerate(grammars)
            ]
        )
        while batch.jobs:
            batch.round(self.adapters)
        return [(_text(row), row[-1].reason if isinstance(row[-1], Ended) else "broke") for row in heard]


@pytest.fixture(scope="module")
def writer(tiny_writer: Path) -> Writer:
    return Writer(tiny_writer)


def random_schema(chance: random.Random, depth: int = 2) -> dict[str, Any]:
    kind = chance.choice(("leaf", "object", "array") if depth else ("leaf",))
    if kind == "leaf":
        return chance.choice(_LEAVES)
    if kind == "array":
        return {"type": "array", "items": random_schema(chance, depth - 1), "maxItems": 3}
    names = chance.sample(("name", "kind", "size", "at", "née"), chance.randint(1, 4))
    return {
        "type": "object",
        "properties": {name: random_schema(chance, depth - 1) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def test_texts_of_many_schemas_in_one_batch_keep_each_to_its_own(writer: Writer) -> None:
    chance = random.Random(1)
    schemas = [random_schema(chance) for _ in range(SCHEMAS)]
    texts = writer.write([writer.grammars.of_schema(schema) for schema in schemas])
    complete = [(schema, text) for schema, (text, reason) in zip(schemas, texts, strict=True) if reason == "stop"]
    assert len(complete) >= SCHEMAS * 0.9
    assert all(reason in ("stop", "length") for _, reason in texts)
    for schema, text in complete:
        jsonschema.validate(json.loads(text), schema)


def test_a_free_text_beside_a_held_one_is_not_held(writer: Writer) -> None:
    held, free = writer.write([writer.grammars.of_schema({"const": 7}), None], max_tokens=20)
    assert held == ("7", "stop")
    assert free[0] != "7"


def test_a_text_matches_its_regular_expression(writer: Writer) -> None:
    text, reason = writer.write([writer.grammars.of_regex(r"[a-c]{3}-\d\d")])[0]
    assert reason == "stop"
    assert re.fullmatch(r"[a-c]{3}-\d\d", text)


def test_calls_of_tools_have_the_form_that_is_read(writer: Writer) -> None:
    other = Tool("clock")
    grammar = writer.grammars.of_tools([WEATHER, other], several=False)
    rest, calls = calls_in(writer.write([grammar])[0][0])
    assert rest == ""
    assert len(calls) == 1
    assert calls[0].name in ("weather", "clock")
    named = writer.grammars.of_tools([WEATHER], several=False)
    _, calls = calls_in(writer.write([named])[0][0])
    jsonschema.validate(json.loads(calls[0].arguments), dict(WEATHER.parameters))


@pytest.mark.parametrize("several", [True, False])
def test_calls_as_they_are_learnt_are_within_the_grammar(writer: Writer, several: bool) -> None:
    call = ToolCall(id="", name="weather", arguments='{"place": "Rome", "days": 1}')
    text = spoken(Message(role="assistant", tool_calls=(call,) * (1 + several)))
    following = writer.grammars.follow(writer.grammars.of_tools([WEATHER], several=several))
    complete = [following.hear(token) for token in writer.tokens(text)]
    assert complete == [False] * (len(complete) - 1) + [not several]
    assert not following.forbidden(writer.vocabulary)[END]


@pytest.mark.parametrize("schema", [{"type": "soup"}, {"not": {"type": "string"}}])
def test_a_schema_that_cannot_be_kept_to_is_refused(writer: Writer, schema: dict[str, Any]) -> None:
    with pytest.raises(BadGrammar):
        writer.grammars.of_schema(schema)


def test_a_bad_regular_expression_is_refused(writer: Writer) -> None:
    with pytest.raises(BadGrammar):
        writer.grammars.of_regex("(a")


@pytest.mark.parametrize("kind", ["soup", "ByteLevel"])
def test_a_tokenizer_that_llguidance_cannot_read_keeps_to_nothing(kind: str) -> None:
    class Strange:
        """As one with a part that its copy of tokenizers does not know."""

        backend_tokenizer: Any

        def to_str(self) -> str:
            return json.dumps({"decoder": {"type": kind}, "model": {"type": "of tomorrow"}})

    strange: Any = Strange()
    strange.backend_tokenizer = strange
    with pytest.raises(BadGrammar, match="tokenizer"):
        Grammars(strange, 10, {2}).of_schema({})


def test_a_tokenizer_that_does_not_tell_its_bytes_keeps_to_nothing(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    with pytest.raises(BadGrammar, match="tokenizer"):
        Grammars(tokenizer, model.config.vocab_size, {3}).of_schema({})


def _text(heard: Sequence[Outcome]) -> str:
    return "".join(part.text for part in heard if isinstance(part, Said))
