"""Sends traffic for tests.bench.faults and tests.bench.latency, in a process of its own.

    python -m tests.bench.load SEED BEGIN_MS RATE SECONDS PHASE_MS FOLDER

Most ticks go straight through the product's producer, a message an event. The others go the gateway's
way, over a spool on disk and its forwarder, which packs them into arrays. FOLDER/load.json tells once a
second what was sent, and at the end whether all of it was acknowledged.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from schemas.settings import Settings
from services.clients.bus.errors import BrokerDown, BufferFull, Undelivered
from services.clients.bus.producer import Producer
from services.parts.spool.delivery import Delivery
from services.parts.spool.entries import Entry, entry_of
from services.parts.spool.forwarder import Forwarder
from services.parts.spool.spool import Spool
from tests.bench.load_events import Shape, Traffic

REPORT = "load.json"
SPOOLED_SHARE = 0.3
_TICK_S = 0.02
_PATIENCE_S = 120.0


class Sender:
    """Both ways into the log."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._spool = Spool(folder / "spool", policy="block")
        self._forwarder = Forwarder(self._spool, Delivery(lambda: Producer(settings, "load-spool")))
        self._forwarder.start()
        self._producer = Producer(settings, "load")
        self.unacknowledged = 0

    def spool(self, entries: Sequence[Entry]) -> None:
        """Put entries on the spool, from where they travel in arrays."""
        self._spool.append(entries)

    def send(self, entries: Sequence[Entry]) -> None:
        """Put entries into the producer, a message each, however long it takes."""
        for entry in entries:
            while not self._taken(entry):
                time.sleep(0.1)

    def _taken(self, entry: Entry) -> bool:
        try:
            self._producer.send_raw(entry.topic, entry.value, key=entry.key, headers=entry.headers)
        except (BufferFull, BrokerDown):
            return False
        return True

    @property
    def waiting(self) -> int:
        """Entries on the spool."""
        return self._spool.waiting

    def close(self) -> None:
        """Return once the log has all, or say in `unacknowledged` how much it lacks."""
        try:
            self._producer.flush(_PATIENCE_S)
        except Undelivered as error:
            self.unacknowledged += error.count
        self._producer.close()
        self._forwarder.stop(_PATIENCE_S)
        self.unacknowledged += self._spool.waiting + self._spool.lost
        self._spool.close()


def run(traffic: Traffic, sender: Sender, tell: Callable[[], None]) -> None:
    """Send what is due until the time is over."""
    shape, rng = traffic.shape, random.Random(-traffic.shape.seed)
    end, told = shape.begin_ms / 1000 + shape.seconds, 0.0
    while (now := time.time()) < end or traffic.requests < shape.rate * shape.seconds:
        due = min(int((now - shape.begin_ms / 1000) * shape.rate), shape.rate * shape.seconds)
        step = range(min(due - traffic.requests, 100))
        entries = [entry_of(record) for _ in step for record in traffic.next_request()]
        if entries:
            (sender.spool if rng.random() < SPOOLED_SHARE else sender.send)(entries)
        if now > told + 1:
            told = now
            tell()
        if traffic.requests >= due:
            time.sleep(_TICK_S)


def report(file: Path, traffic: Traffic, sender: Sender, *, done: bool = False) -> None:
    """Tell how far it is, whole or not at all."""
    told = {
        **traffic.made,
        "requests": traffic.requests,
        "on_spool": 0 if done else sender.waiting,
        "unacknowledged": sender.unacknowledged,
        "cpu_s": round(time.process_time(), 1),
        "done": done,
    }
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(told))
    os.replace(draft, file)


def command(shape: Shape, folder: Path) -> list[str]:
    """Return the command line of a load."""
    numbers = (shape.seed, shape.begin_ms, shape.rate, shape.seconds, shape.phase_ms)
    return [sys.executable, "-m", "tests.bench.load", *map(str, numbers), str(folder)]


def main() -> None:
    """Send and report."""
    shape, folder = Shape(*(int(text) for text in sys.argv[1:6])), Path(sys.argv[6])
    traffic = Traffic(shape)
    sender = Sender(Settings.from_environment(), folder)
    time.sleep(max(0.0, shape.begin_ms / 1000 - time.time()))
    with closing(sender):
        run(traffic, sender, lambda: report(folder / REPORT, traffic, sender))
    report(folder / REPORT, traffic, sender, done=True)


if __name__ == "__main__":
    main()
