"""A chat model behind an endpoint, told once what it is to do: POST /chat/completions, back comes what it says."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from services.scorers.remote.asking import Asker


class Reached(Protocol):
    """How a policy names an endpoint of OpenAI's form; see schemas.scoring.Endpoint."""

    @property
    def url(self) -> str: ...
    @property
    def url_env(self) -> str: ...
    @property
    def key_env(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def timeout_s(self) -> float: ...


def address_of(endpoint: Reached, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return an endpoint's URL and key; either is empty where its variable is not set."""
    url = endpoint.url or environment.get(endpoint.url_env, "")
    return url, environment.get(endpoint.key_env, "") if endpoint.key_env else ""


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]


class Chat:
    """Asks one model, at temperature 0. Used from several threads.

    Args:
        asker: Of the endpoint.
        model: What the endpoint calls its model.
        told: The system message of every question.
    """

    def __init__(self, asker: Asker, *, model: str, told: str) -> None:
        self.asker = asker
        self._model = model
        self._told = told

    @classmethod
    def at(cls, endpoint: Reached, environment: Mapping[str, str], told: str) -> "Chat":
        """Return a chat with an endpoint as a policy names it."""
        url, key = address_of(endpoint, environment)
        asker = Asker(url, key=key, timeout_s=endpoint.timeout_s)
        return cls(asker, model=endpoint.model, told=told)

    def said(self, text: str) -> str:
        """Return what the model says to a text, nothing where it says nothing.

        Raises:
            NoAnswer: As for Asker.ask.
        """
        messages = [{"role": "system", "content": self._told}, {"role": "user", "content": text}]
        body = {"model": self._model, "messages": messages, "temperature": 0}
        answer = self.asker.ask("chat/completions", body, _Completion)
        return (answer.choices[0].message.content or "") if answer.choices else ""
