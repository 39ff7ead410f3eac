"""Questions to the broker that a process can wait for."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from services.clients.bus.connection import UNREACHABLE
from services.clients.bus.errors import BrokerDown

ATTEMPTS = 60
_PAUSE_S = 1.0

Answer = TypeVar("Answer")
Asked = ParamSpec("Asked")


def patiently(ask: Callable[Asked, Answer], *about: Asked.args, **options: Asked.kwargs) -> Answer:
    """Return the answer to a question, put again while nobody answers.

    Attempts count and not the time: a process that was stopped for minutes halfway through one has missed one.

    Raises:
        BrokerDown: Nobody has answered ATTEMPTS times. So does what kafka-python raises then.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return ask(*about, **options)
        except (BrokerDown, *UNREACHABLE):
            time.sleep(_PAUSE_S)
    return ask(*about, **options)
