"""Probes side by side under one deadline, and what each found."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal


class Wrong(Exception):
    """Something is not well. The message says what, and what to do."""


class NotYet(Exception):
    """Nobody answers because nobody was started yet; that is no fault. The message says what starts it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to reach.

    Attributes:
        what: A word for people: broker, upstream of support-bot.
        where: Its address, without credentials.
        ask: Returns what it found, in a few words. Raises Wrong or NotYet.
    """

    what: str
    where: str
    ask: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe came to."""

    mark: Literal["ok", "later", "wrong"]
    said: str


def side_by_side(probes: Sequence[Probe], deadline_s: float) -> Iterator[tuple[Probe, Finding]]:
    """Yield each probe in order with its finding; one that is not back `deadline_s` after the first began is wrong.

    Its thread is left behind: what hangs in a library can't be called back.
    """
    ends_at = time.monotonic() + deadline_s
    under_way = [_UnderWay(probe) for probe in probes]
    for one in under_way:
        one.start()
    for one in under_way:
        one.join(max(0.0, ends_at - time.monotonic()))
        yield one.probe, one.finding or Finding("wrong", f"no answer within {deadline_s:g} s")


class _UnderWay(threading.Thread):
    def __init__(self, probe: Probe) -> None:
        super().__init__(name=f"probe {probe.what}", daemon=True)
        self.probe = probe
        self.finding: Finding | None = None

    def run(self) -> None:
        self.finding = _found(self.probe)


def _found(probe: Probe) -> Finding:
    try:
        return Finding("ok", probe.ask())
    except NotYet as error:
        return Finding("later", str(error))
    except Wrong as error:
        return Finding("wrong", str(error))
    except Exception as error:  # noqa: BLE001  # a library's own error, whose text may hold an address with a password
        return Finding("wrong", f"it ends with {type(error).__name__}")
