"""Asks an endpoint about many texts side by side, and says in a few words why one has no answer.

What is asked and answered is never logged, and no part of a reason.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
import msgspec

SIDE_BY_SIDE = 8
T = TypeVar("T")


class NoAnswer(Exception):
    """An endpoint did not judge; the message is the reason, in a few words."""


class Asker:
    """Posts JSON to one address.

    Args:
        url: Where to.
        key: Sent as a bearer token; empty means none.
        timeout_s: For connecting, and for each wait for more of an answer.
    """

    def __init__(self, url: str, *, key: str, timeout_s: float) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=SIDE_BY_SIDE, max_keepalive_connections=SIDE_BY_SIDE)
        self._client = httpx.Client(headers=headers, timeout=timeout_s, limits=limits)
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="scorer")
        self._url = url

    def ask(self, body: Mapping[str, object], answer: type[T]) -> T:
        """Return the decoded answer.

        Raises:
            NoAnswer: It came late, with an error, or in another form.
        """
        try:
            response = self._client.post(self._url, json=body)
            response.raise_for_status()
            return msgspec.json.decode(response.content, type=answer)
        except httpx.TimeoutException as error:
            raise NoAnswer("timed out") from error
        except httpx.HTTPStatusError as error:
            raise NoAnswer(f"endpoint answered {error.response.status_code}") from error
        except httpx.HTTPError as error:
            raise NoAnswer(f"endpoint unreachable: {type(error).__name__}") from error
        except msgspec.DecodeError as error:
            raise NoAnswer("endpoint's answer has another form") from error

    def ask_all(self, texts: Sequence[str], ask: Callable[[str], T]) -> list[T | NoAnswer]:
        """Return the answer to each text, or why there is none."""

        def one(text: str) -> T | NoAnswer:
            try:
                return ask(text)
            except NoAnswer as error:
                return error

        return list(self._pool.map(one, texts))
