"""What an upstream says of itself: its models, and whether it seems to load adapters. Asking changes nothing there."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

import httpx
import msgspec

from services.parts.addresses import unreached
from services.parts.reach import client_for

Loading = Literal["yes", "no", "unknown"]
Dialect = Literal["vllm", "llama.cpp", ""]
_LOAD = "load_lora_adapter"
# Whoever judges a body at this address judges bodies at any, so its judgement says nothing of the other one.
_NOWHERE = "driftloop-asks-whether-anything-answers-here"
_JUDGED = frozenset({400, 422})
_ABSENT = frozenset({404, 405, 501})
_WANTS_A_KEY = frozenset({401, 403})
# By whose models they are said to be; driftloop's own model server takes what vLLM takes.
_DIALECTS: Mapping[object, Dialect] = {"vllm": "vllm", "driftloop": "vllm", "llamacpp": "llama.cpp"}


class UpstreamSilent(Exception):
    """No usable answer. The message is a few words: why."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """What was seen of one.

    Attributes:
        models: Names that it answers to, in its order; None when it does not list them.
        bases: Those that are no adapters.
        listing: The status of `GET /v1/models`.
        loading: Whether `POST /v1/load_lora_adapter` seems to be there.
        why: What that was concluded from, a clause.
        dialect: How it is told a constraint, by the owner that it names; empty when that says nothing.
    """

    models: tuple[str, ...] | None
    bases: tuple[str, ...]
    listing: int
    loading: Loading
    why: str
    dialect: Dialect = ""

    @property
    def wants_a_key(self) -> bool:
        """Whether it lists its models to those with a key only."""
        return self.listing in _WANTS_A_KEY


class _Model(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    parent: str | None = None
    owned_by: object = None


class _Models(msgspec.Struct):
    data: list[_Model]


def tidied(url: str) -> str:
    """Return an upstream's URL as the configuration wants it: with scheme, without a trailing slash or `/v1`.

    Example:
        >>> tidied("vllm-1:8000/v1/")
        'http://vllm-1:8000'
    """
    with_scheme = url if re.match(r"https?://", url) else f"http://{url}"
    return with_scheme.rstrip("/").removesuffix("/v1").rstrip("/")


def look_at(
    url: str,
    timeout_s: float,
    headers: Mapping[str, str] = MappingProxyType({}),
    trust: ssl.SSLContext | None = None,
) -> Upstream:
    """Ask an upstream for its models, and its loading endpoint for its opinion of an empty order.

    An order without a name and a path can't be carried out, so asking has no effect: vLLM refuses it with 400 or
    422 when VLLM_ALLOW_RUNTIME_LORA_UPDATING has put the endpoint there, and knows no such address otherwise.
    That adapters load in fact, only a load can show: vLLM also needs --enable-lora.

    Args:
        url: Base URL.
        timeout_s: For each of its answers.
        headers: Credentials, if it wants some.
        trust: What its certificate is trusted by; the public CAs unless told.

    Raises:
        UpstreamSilent: Not an HTTP address, or nobody answers there in time.
    """
    try:
        with client_for(url, trust) as client:
            client.timeout, client.headers = httpx.Timeout(timeout_s), httpx.Headers(headers)
            listed = client.get(f"{url}/v1/models")
            asked = client.post(f"{url}/v1/{_LOAD}", json={}).status_code
            nowhere = client.post(f"{url}/v1/{_NOWHERE}", json={}).status_code if asked in _JUDGED else 404
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise UpstreamSilent(unreached(error)) from error
    loading, why = _judged(asked, nowhere)
    models = _models(listed)
    if models is None:
        return Upstream(None, (), listed.status_code, loading, why)
    names, bases = (dict.fromkeys(m.id for m in models if not (m.parent and apart)) for apart in (False, True))
    return Upstream(tuple(names), tuple(bases), listed.status_code, loading, why, _dialect(models))


def _models(listed: httpx.Response) -> list[_Model] | None:
    if not listed.is_success:
        return None
    try:
        models = msgspec.json.decode(listed.content, type=_Models).data
    except msgspec.DecodeError:
        return None
    # A name that can't be printed can't be chosen either.
    return [model for model in models if model.id.isprintable()]


def _dialect(models: list[_Model]) -> Dialect:
    owners = {model.owned_by if isinstance(model.owned_by, str) else "" for model in models}
    return _DIALECTS.get(owners.pop(), "") if len(owners) == 1 else ""


def _judged(asked: int, nowhere: int) -> tuple[Loading, str]:
    if asked in _JUDGED and nowhere in _ABSENT:
        return "yes", f"POST /v1/{_LOAD} is there: it judged an empty order ({asked})"
    if asked in _ABSENT:
        return "no", f"POST /v1/{_LOAD} is not there ({asked})"
    if asked in _JUDGED:
        return "unknown", f"any address there judges a body ({asked})"
    if asked in _WANTS_A_KEY:
        return "unknown", f"POST /v1/{_LOAD} wants a key ({asked})"
    return "unknown", f"POST /v1/{_LOAD} answered {asked} to an empty order"
