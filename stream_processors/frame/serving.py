"""Runs a processor until it is told to stop or fails."""

import asyncio
import logging
import os
import sys

from services.parts.runtime.metrics import gauge
from services.parts.runtime.process import Process
from stream_processors.frame.application import Processor

TICK_S = 0.1
STOP_WITHIN_S = 4.0

log = logging.getLogger(__name__)


def serve(processor: Processor, process: Process) -> None:
    """Run until SIGTERM, or exit with status 1 when the processor has failed."""
    asyncio.run(_serve(processor, process))
    if processor.failure is not None:
        sys.exit(1)


async def _serve(processor: Processor, process: Process) -> None:
    app = processor.app
    behind = gauge("driftloop_consumer_lag_records").labels(process.name)
    starting = asyncio.ensure_future(app.start())
    while not process.stopping.is_set() and processor.failure is None:
        lag = app.consumer.lag() if starting.done() else None
        behind.set(lag or 0)
        caught_up = processor.assigned and lag is not None and lag <= process.settings.ready_lag
        process.conditions.update(started=starting.done(), assigned=processor.assigned, caught_up=caught_up)
        if starting.done() and (error := starting.exception()):
            processor.fail(error)
        elif app.crashed:
            processor.fail(app.crash_reason or RuntimeError("Faust stopped by itself"))
        await asyncio.sleep(TICK_S)
    starting.cancel()
    try:
        await asyncio.wait_for(app.stop(), STOP_WITHIN_S)
    except Exception as error:  # noqa: BLE001  a process that can't stop in time must still end
        log.warning("stopped the hard way: %s", type(error).__name__)
        logging.shutdown()
        os._exit(1 if processor.failure is not None else 0)
    await asyncio.gather(starting, return_exceptions=True)
