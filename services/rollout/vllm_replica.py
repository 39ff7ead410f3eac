"""One replica of a model server, spoken to in vLLM's protocol for runtime LoRA adapters."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import httpx

_LIST_TIMEOUT_S = 5.0
# A busy replica answers a load only after the batch in hand; loading itself takes milliseconds to seconds.
_LOAD_TIMEOUT_S = 60.0
# vLLM's sentence, old and new, around the version's name: paths, names and other refusals may have its words, too.
_HELD = r"'{version}' has already been ?loaded"


class LoadRefused(Exception):
    """The replica answered that it will not load this adapter; asking again can't help."""


class ReplicaDown(Exception):
    """The replica did not answer, or answered that it can't at the moment. Retryable."""


class Replica:
    """A replica by its base URL, e.g. http://10.0.0.7:8000. Safe to share between threads."""

    def __init__(self, client: httpx.Client, url: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self._client = client
        self._headers = headers
        self._url = url.rstrip("/").removesuffix("/v1")

    def versions(self) -> frozenset[str]:
        """Return what `GET /v1/models` lists: the base model and every adapter that it holds now.

        Raises:
            ReplicaDown: No usable answer.
        """
        try:
            answer = self._client.get(f"{self._url}/v1/models", headers=self._headers, timeout=_LIST_TIMEOUT_S)
            answer.raise_for_status()
            return frozenset(str(model["id"]) for model in answer.json()["data"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ReplicaDown(f"{self._url}: {_said(error)}") from error

    def load(self, version: str, path: str) -> None:
        """Ask it to load an adapter folder under the version's name.

        Raises:
            LoadRefused: It answered 4xx, other than that it is busy or that it holds the version already.
            ReplicaDown: No answer, or 5xx.
        """
        answer = self._post("load_lora_adapter", {"lora_name": version, "lora_path": path}, _LOAD_TIMEOUT_S)
        if answer.is_success or _held_already(answer, version):
            return
        if answer.is_server_error or answer.status_code in (408, 429):
            raise ReplicaDown(f"{self._url}: load answered {answer.status_code}")
        raise LoadRefused(f"{self._url}: load answered {answer.status_code}: {answer.text[:200]}{_hint(answer)}")

    def unload(self, version: str) -> None:
        """Ask it to forget a version; one that it does not hold is no error.

        Raises:
            ReplicaDown: No answer, or 5xx.
        """
        answer = self._post("unload_lora_adapter", {"lora_name": version}, _LIST_TIMEOUT_S)
        if answer.is_server_error:
            raise ReplicaDown(f"{self._url}: unload answered {answer.status_code}")

    def _post(self, action: str, body: dict[str, str], timeout_s: float) -> httpx.Response:
        try:
            return self._client.post(f"{self._url}/v1/{action}", json=body, headers=self._headers, timeout=timeout_s)
        except httpx.HTTPError as error:
            raise ReplicaDown(f"{self._url}: {_said(error)}") from error


def _held_already(answer: httpx.Response, version: str) -> bool:
    sentence = _HELD.format(version=re.escape(version))
    return answer.status_code == 400 and re.search(sentence, answer.text) is not None


def _hint(answer: httpx.Response) -> str:
    # A 404 that names no adapter comes from a server that has no such address.
    off = answer.status_code == 404 and "adapter" not in answer.text.lower()
    return " (is VLLM_ALLOW_RUNTIME_LORA_UPDATING=True set on the server?)" if off else ""


def _said(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()[:200]
