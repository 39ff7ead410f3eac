"""*Try it*: an app's scorers on a text that someone pasted. In the page's own process; nothing is recorded.

Scorers are loaded at the first try and kept for all sessions; one try at a time, as their workshop is shared.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.inference import Message
from schemas.settings import BadSetting, Settings
from services.parts.runtime.process import read_configuration
from services.scorers.catalogue import UnknownScorer, entries_for, load_all
from services.scorers.contract import Score, Scorer, Subject
from services.scorers.costly import costly_entries, is_costly
from services.scorers.workshop import Workshop

LONGEST = 100_000
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Tried:
    """What a scorer says of a text."""

    scorer: str
    score: Score
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Bench:
    """An app's scorers.

    Attributes:
        lacking: What is to be said of those that can't be had.
    """

    scorers: tuple[Scorer, ...]
    lacking: tuple[str, ...] = ()


class NothingToTry(Exception):
    """There is no configuration to know an app's scorers from. The message is one line."""


def has_guards(app: str) -> bool:
    """Return whether an app has scorers that cost more than to see every call."""
    try:
        settings, configuration = _deployment()
        return bool(costly_entries(configuration.scorers, app, Workshop.of(settings)))
    except (NothingToTry, UnknownScorer):
        return False


def try_scorers(app: str, *, prompt: str, answer: str, guards: bool = False) -> tuple[list[Tried], tuple[str, ...]]:
    """Return the scores of a call that never was, and what is to be said of scorers that can't be had.

    Raises:
        NothingToTry: The configuration can't be read.
    """
    settings, _ = _deployment()
    subject = subject_of(app, prompt[:LONGEST], answer[:LONGEST])
    with _LOCK:
        stamp = settings.configuration.stat().st_mtime_ns
        bench = _bench(app, guards, settings.configuration.as_posix(), stamp)
        return [tried for scorer in bench.scorers for tried in _tried(scorer, subject)], bench.lacking


def subject_of(app: str, prompt: str, answer: str) -> Subject:
    """Return what scorers see of two texts, either of which may be empty."""
    asked = (Message(role="user", content=prompt),) if prompt else ()
    output = Message(role="assistant", content=answer) if answer else None
    return Subject(prompt=prompt, answer=answer, messages=asked, output=output, finish_reason="stop", app=app)


def _deployment() -> tuple[Settings, Configuration]:
    try:
        settings = Settings.from_environment()
        return settings, read_configuration(settings)
    except (BadSetting, BadConfiguration) as error:
        raise NothingToTry(str(error)) from error


@lru_cache(maxsize=16)
def _bench(app: str, guards: bool, configuration: str, stamp: int) -> Bench:
    """Load scorers; `configuration` and `stamp` tell one state of the file from another."""
    settings, told = _deployment()
    workshop = Workshop.of(settings, told.apps)
    try:
        entries = [e for e in entries_for(told.scorers, app) if guards or not is_costly(e, workshop)]
    except UnknownScorer as error:
        raise NothingToTry(str(error)) from error
    loaded, lacking = load_all(entries, workshop)
    return Bench(tuple(scorer for _, scorer in loaded), tuple(map(str, lacking)))


def _tried(scorer: Scorer, subject: Subject) -> Sequence[Tried]:
    began = time.perf_counter()
    try:
        (row,) = scorer.score([subject])
    except Exception as error:  # noqa: BLE001  a scorer of a user's own may raise anything, and the page goes on
        row = tuple(
            Score(measure.name, None, unjudged=f"failed: {type(error).__name__}") for measure in scorer.card.measures
        )
    took = 1000 * (time.perf_counter() - began)
    return [Tried(scorer.card.scorer, score, took) for score in row]
