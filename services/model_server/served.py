"""The one base model of this server and the adapters it answers by name. Lives on the event loop."""

import asyncio
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from schemas.inference import Message
from services.model_server.wire.forms import Form
from services.model_server.worker import Worker
from services.models.adapters import CONFIGURATION, AdapterUnfit
from services.models.choices import choice_ids
from services.models.conversations import prompt_tokens
from services.models.grammars import Grammar, Grammars
from services.models.tools import Tool
from services.parts.ingress.errors import Refusal


@dataclass(frozen=True, slots=True)
class Resident:
    """An adapter that can be asked for."""

    slot: str
    folder: str


@dataclass(slots=True)
class Served:
    """What can be asked for now.

    Attributes:
        base: The base model's name.
        root: The folder it stands in; empty until it is loaded.
        context: Tokens that fit the model.
        window: Tokens that fit a text: at most as many as every layer looks back.
        grammars: What texts can be held to; set with the tokenizer.
        adapters: By name, in order of loading.
        loaded: Set once the model can answer.
    """

    base: str
    worker: Worker
    root: str = ""
    context: int = 0
    window: int = 0
    tokenizer: Any = None
    grammars: Any = None
    adapters: dict[str, Resident] = field(default_factory=dict)
    loaded: threading.Event = field(default_factory=threading.Event)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def slot_of(self, model: str) -> str:
        """Return the slot that answers a model name; empty for the base.

        Raises:
            Refusal: 503 still loading; 404 no such model.
        """
        self.must_be_loaded()
        if model == self.base:
            return ""
        if model not in self.adapters:
            raise Refusal(
                404, f"The model `{model[:128]}` does not exist.", kind="NotFoundError", code="404", param="model"
            )
        return self.adapters[model].slot

    def must_be_loaded(self) -> None:
        """Refuse with 503 while the model is being loaded."""
        if not self.loaded.is_set():
            raise Refusal(503, "the model is still loading", kind="server_error", headers={"Retry-After": "2"})

    def prompt(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> tuple[int, ...]:
        """Return the tokens of a conversation, as training encodes it.

        Raises:
            Refusal: 400 the chat template can't take it, e.g. for the order of its roles.
        """
        try:
            return tuple(prompt_tokens(self.tokenizer, messages, tools))
        except (TemplateError, TypeError, ValueError) as error:
            raise Refusal(400, "the model's chat template can't take these messages", param="messages") from error

    def tokens(self, text: str) -> tuple[int, ...]:
        """Return the tokens of a text to be gone on with.

        Raises:
            Refusal: 400 there are none.
        """
        return self.checked(tuple(self.tokenizer(text)["input_ids"]))

    def checked(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        """Return tokens that a client named.

        Raises:
            Refusal: 400 there are none, or one that the model does not have.
        """
        if not tokens or not all(0 <= token < len(self.tokenizer) for token in tokens):
            raise Refusal(400, "`prompt` is empty, or has tokens that the model does not have", param="prompt")
        return tokens

    def grammar(self, form: Form) -> Grammar:
        """Return the grammar of a form that is not free. Safe on any thread.

        Raises:
            BadGrammar: It can't be kept to.
        """
        grammars: Grammars = self.grammars
        if form.must_call:
            return grammars.of_tools(form.must_call, several=form.several)
        return grammars.of_regex(form.regex) if form.schema is None else grammars.of_schema(form.schema)

    def answers(self, choices: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the tokens that tell the choices apart.

        Raises:
            Refusal: 400 they are no choice.
        """
        try:
            return _answers(self.tokenizer, choices)
        except ValueError as error:
            raise Refusal(400, str(error), param="structured_outputs") from error

    async def load(self, name: str, folder: str) -> None:
        """Take an adapter under a new name. One at a time.

        Raises:
            Refusal: vLLM's: 400 the name is taken or the adapter is none for this model, 404 no adapter there.
        """
        self.must_be_loaded()
        async with self._loading:
            if name == self.base or name in self.adapters:
                raise Refusal(
                    400, f"The lora adapter '{name}' has already been loaded.", kind="InvalidUserInput", code="400"
                )
            if not (Path(folder) / CONFIGURATION).is_file():
                raise Refusal(
                    404,
                    f"Loading lora {name} failed: No adapter found for {folder}",
                    kind="NotFoundError",
                    code="404",
                )
            slot = f"slot{next(self._numbers)}"
            try:
                await asyncio.wrap_future(self.worker.load(slot, Path(folder)))
            except AdapterUnfit as error:
                raise Refusal(
                    400, f"Loading lora {name} failed: {error}", kind="InvalidUserInput", code="400"
                ) from error
            self.adapters[name] = Resident(slot, folder)

    def unload(self, name: str) -> None:
        """Forget an adapter: unknown from now on, while calls accepted before are still answered.

        Raises:
            Refusal: vLLM's 404 where it is not held.
        """
        if name not in self.adapters:
            raise Refusal(404, f"The lora adapter '{name}' cannot be found.", kind="NotFoundError", code="404")
        self.worker.unload(self.adapters.pop(name).slot)


@lru_cache(maxsize=64)
def _answers(tokenizer: Any, choices: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(answer) for answer in choice_ids(tokenizer, choices))
