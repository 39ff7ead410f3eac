"""Announcements to the broker: milestones until they are acknowledged, progress as it comes."""

import logging
import time

from schemas.learning import TrainingChanged
from schemas.record import Record
from services.clients.bus.errors import BusError
from services.clients.bus.producer import Producer

log = logging.getLogger(__name__)

_ACKNOWLEDGED_WITHIN_S = 10.0
_RETRY_S = 1.0


class Courier:
    """Sends records. A milestone blocks while the broker is away; a step of a training is dropped."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def __call__(self, record: Record) -> None:
        """Send a record; on return a milestone is acknowledged."""
        step = isinstance(record, TrainingChanged) and record.step > 0
        while not self._sent(record, acknowledged=not step) and not step:
            time.sleep(_RETRY_S)

    def _sent(self, record: Record, *, acknowledged: bool) -> bool:
        try:
            self._producer.send(record)
            if acknowledged:
                self._producer.flush(_ACKNOWLEDGED_WITHIN_S)
        except BusError as error:
            log.warning("announcement %s waits: %s", record.event_id, error)
            return False
        return True
