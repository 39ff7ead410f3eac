"""Calls of an OpenAI-compatible endpoint that holds a guard: each gives a value or a few words on why there is none."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
import msgspec

from schemas.guards import GuardEndpoint

Given = TypeVar("Given")
Result = TypeVar("Result")
Answer = TypeVar("Answer", bound=msgspec.Struct)


class Mishap(msgspec.Struct, frozen=True):
    """Why an endpoint gave nothing, without a word of the call."""

    reason: str


class Calls:
    """Posts JSON, several calls at a time, none longer than the settings say.

    Args:
        endpoint: Where, and how many at a time.
        key: Sent as bearer token; empty for none.
    """

    def __init__(self, endpoint: GuardEndpoint, key: str = "") -> None:
        self._seconds = endpoint.timeout_s
        self._pool = ThreadPoolExecutor(endpoint.concurrency, thread_name_prefix="guard")
        self._client = httpx.Client(
            base_url=endpoint.url.rstrip("/") + "/",
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=endpoint.timeout_s,
            limits=httpx.Limits(max_connections=endpoint.concurrency),
        )

    def close(self) -> None:
        """Give up connections and threads; what runs ends first."""
        self._pool.shutdown()
        self._client.close()

    def each(self, call: Callable[[Given], Result], given: Sequence[Given]) -> list[Result]:
        """Return a call's result for each of what is given, in order."""
        return list(self._pool.map(call, given))

    def post(self, path: str, body: Mapping[str, object], kind: type[Answer]) -> Answer | Mishap:
        """Return the answer; what goes wrong is said and never raised."""
        try:
            response = self._client.post(path, json=dict(body))
        except httpx.TimeoutException:
            return Mishap(f"the endpoint took longer than {self._seconds:g} s")
        except httpx.TransportError:
            return Mishap("the endpoint can't be reached")
        if response.status_code != httpx.codes.OK:
            return Mishap(f"the endpoint answered {response.status_code}")
        try:
            return msgspec.json.decode(response.content, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Mishap("the endpoint's answer is not understood")
