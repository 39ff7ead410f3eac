"""Copies of calls for shadow versions, after the user has been answered and never at her expense."""

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime

from schemas.learning import Route
from services.gateway.calls.exchange import exchanged
from services.gateway.measures import Measures
from services.gateway.recording.events import Call, Outcome, cost_of, responded
from services.gateway.recording.recorder import Recorder
from services.gateway.upstreams.sending import UpstreamFailed, Upstreams
from services.parts.ingress.identity import new_event_id

_LOG = logging.getLogger(__name__)


AT_ONCE = 8
WAITING = 8


class Mirrors:
    """AT_ONCE workers with a short queue; what does not fit is dropped and counted.

    The queue is short because feedback meets a shadow's answer only if that comes soon.
    """

    def __init__(self, upstreams: Upstreams, recorder: Recorder, measures: Measures) -> None:
        self._upstreams, self._recorder, self._measures = upstreams, recorder, measures
        self._queue: asyncio.Queue[tuple[Call, Route]] = asyncio.Queue(WAITING)
        self._workers = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]

    def offer(self, call: Call, shadow: Route) -> None:
        """Have a call copied to a shadow, or drop the copy when too many wait. Never waits."""
        try:
            self._queue.put_nowait((call, shadow))
        except asyncio.QueueFull:
            self._count(call, "dropped")

    async def close(self) -> None:
        """Stop; copies under way are given up."""
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with contextlib.suppress(asyncio.CancelledError):
                await worker

    async def _work(self) -> None:
        while True:
            call, shadow = await self._queue.get()
            try:
                await self._mirror(call, shadow)
            except Exception:  # noqa: BLE001  # the loop of a worker: it logs and goes on
                _LOG.exception("a copy for version %s failed", shadow.adapter_version)
                self._count(call, "failed")

    async def _mirror(self, call: Call, shadow: Route) -> None:
        started = time.perf_counter()
        try:
            reply = await exchanged(self._upstreams, call, (shadow,))
        except UpstreamFailed as failure:
            outcome = Outcome(shadow, latency_ms=_ms_since(started), error_type=failure.error_type)
        else:
            outcome = Outcome(shadow, reply.answer, _ms_since(started), error_type=reply.error_type)
        cost, at = cost_of(call, outcome), datetime.now(UTC)
        recorded = self._recorder.answered(
            call.request_id, lambda: responded(call, outcome, cost_usd=cost, event_id=new_event_id(), at=at)
        )
        if recorded is not None:
            await recorded
        self._count(call, "sent")

    def _count(self, call: Call, outcome: str) -> None:
        self._measures.mirrors.labels(call.app.name, outcome).inc()


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
