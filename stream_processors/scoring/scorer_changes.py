"""→ scorers.changed.v1: a processor that starts tells what the new versions of its scorers change.

A version that has not run before scores the anchors. Order of effects as services.scorers.anchoring.memory numbers
them: 1 and 2 before the processor reads anything, the event on the first tick, the rest on the next. The id follows
from the versions, so however often a change is told it is one.
"""

import logging
from collections.abc import Awaitable, Iterable, Sequence
from datetime import datetime

from schemas.evaluations import ScorerChanged
from schemas.record import Record
from services.scorers.anchoring.anchors import Anchors, anchors
from services.scorers.anchoring.memory import AnchorMemory
from services.scorers.contract import Scorer
from stream_processors.frame.frame import Drains, Frame

TICK_S = 1.0
FOR_THE_DEAR = 4
"""Scorers that are not cheap score every fourth anchor: the processor waits for them."""

log = logging.getLogger(__name__)


def tell_changes(processor: Frame, scorers: Sequence[Scorer]) -> None:
    """Wire the telling of changes into a processor; of a version that is new it scores the anchors, here and now."""
    memory = AnchorMemory(processor.settings.data)
    telling = Telling(memory, scorers, anchors(), processor.now())
    processor.every(TICK_S, lambda: telling.tick(processor.outbox))


class Telling:
    """The changes that a process has to tell, once."""

    def __init__(self, memory: AnchorMemory, scorers: Sequence[Scorer], anchors: Anchors, at: datetime) -> None:
        self._memory = memory
        self._untold = [change for scorer in scorers for change in _noted(memory, scorer, anchors, at)]
        self._emitted: list[ScorerChanged] = []

    def tick(self, outbox: Drains) -> Iterable[Record] | Awaitable[Iterable[Record]]:
        """Return what is untold; on the next tick note that it is told; then nothing."""
        if self._emitted:
            return self._settle(outbox)
        # Returned at once, not by an awaitable: a rebalance meanwhile would have it thrown away.
        self._emitted, self._untold = self._untold, []
        return tuple(self._emitted)

    async def _settle(self, outbox: Drains) -> Iterable[Record]:
        await outbox.drain()
        self._memory.told(self._emitted)
        self._emitted = []
        return ()


def _noted(memory: AnchorMemory, scorer: Scorer, anchors: Anchors, at: datetime) -> list[ScorerChanged]:
    if scorer.card.cost != "cheap":
        anchors = anchors.every(FOR_THE_DEAR)
    try:
        return memory.noted(scorer, anchors, at)
    except Exception as error:  # noqa: BLE001  the scorers' loop: one of them, maybe a user's, must not stop the others
        reason = type(error).__name__
    log.error("anchors not scored: scorer=%s error=%s", scorer.card.scorer, reason)
    return []
