"""Asks an endpoint of OpenAI's form, several questions side by side, and says in a few words why one has no answer.

What is asked and answered is never logged, and no part of a reason. Judges, moderations and guards ask through it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
import msgspec

SIDE_BY_SIDE = 8
Given = TypeVar("Given")
T = TypeVar("T")


class NoAnswer(Exception):
    """An endpoint did not judge; the message is the reason, in a few words."""


class Asker:
    """Posts JSON. For any thread.

    Args:
        url: Of the API, its version included.
        key: Sent as a bearer token; empty means none.
        timeout_s: For connecting, and for each wait for more of an answer.
        side_by_side: Questions at a time.
    """

    def __init__(self, url: str, *, key: str, timeout_s: float, side_by_side: int = SIDE_BY_SIDE) -> None:
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(side_by_side, thread_name_prefix="asker")
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=side_by_side, max_keepalive_connections=side_by_side),
        )

    def close(self) -> None:
        """Give up connections and threads; what runs ends first."""
        self._pool.shutdown()
        self._client.close()

    def ask(self, path: str, body: Mapping[str, object], answer: type[T]) -> T:
        """Return the decoded answer of an address below the API's.

        Raises:
            NoAnswer: It came late, with an error, or in another form.
        """
        try:
            response = self._client.post(path, json=body)
        except httpx.TimeoutException as error:
            raise NoAnswer(f"the endpoint took longer than {self._timeout_s:g} s") from error
        except httpx.HTTPError as error:
            raise NoAnswer("the endpoint can't be reached") from error
        if not response.is_success:
            raise NoAnswer(f"the endpoint answered {response.status_code}")
        try:
            return msgspec.json.decode(response.content, type=answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise NoAnswer("the endpoint's answer is not understood") from error

    def tried(self, path: str, body: Mapping[str, object], answer: type[T]) -> T | NoAnswer:
        """Return the decoded answer, or why there is none."""
        try:
            return self.ask(path, body, answer)
        except NoAnswer as error:
            return error

    def each(self, call: Callable[[Given], T], given: Sequence[Given]) -> list[T]:
        """Return a call's result for each of what is given, in its order."""
        return list(self._pool.map(call, given))

    def ask_all(self, texts: Sequence[str], ask: Callable[[str], T]) -> list[T | NoAnswer]:
        """Return the answer to each text, or why there is none."""

        def one(text: str) -> T | NoAnswer:
            try:
                return ask(text)
            except NoAnswer as error:
                return error

        return self.each(one, texts)
