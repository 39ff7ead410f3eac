"""`driftloop replay`: has the log read again, stores what comes out in a scratch database, compares.

Order of effects: 1. the processors are run on the log by a process of their own, which writes a file; 2. the
sink is waited for until it has stored what the log held by then; 3. the file becomes a scratch database;
4. both databases are compared; 5. the scratch database is dropped, unless it is to be kept.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console

from schemas.codec import from_unix_ms
from schemas.settings import Settings
from services.clients.bus.errors import BusError
from services.clients.bus.topics import committed
from services.clients.warehouse.client import Warehouse, WarehouseError
from services.commands.replay.comparison import KINDS, MOST_SHOWN, Comparison
from services.commands.replay.report import Verdict, draw, json_of
from services.sink.scratch import Unstorable, scratch_database, store

SINK_PATIENCE_S = 30.0
_POLL_S = 0.5


class Unusable(Exception):
    """There is no verdict. The message is one line, or empty when the reason was printed already."""


class Recomputed(msgspec.Struct, frozen=True):
    """What `python -m stream_processors.replay` says it did; stream_processors.replay.__main__ explains it."""

    since: int
    until: int
    whole: bool
    told: list[tuple[str, int, int]]


def run_replay(settings: Settings, options: dict[str, str], *, keep: bool, as_json: bool) -> int:
    """Replay, print the verdict; return 0 for identical, 1 for differences, 2 where there is no verdict."""
    try:
        verdict = replay(settings, options, keep=keep)
    except Unusable as error:
        if str(error):
            print(f"driftloop: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(json_of(verdict))
    else:
        draw(verdict, Console())
    return 0 if verdict.identical else 1


def replay(settings: Settings, options: dict[str, str], *, keep: bool) -> Verdict:
    """Replay and compare.

    Args:
        options: `--from`, `--to` and `--warm-up` as they were written, empty where they were not.
        keep: Whether the scratch database stays.

    Raises:
        Unusable: The log, the warehouse or the options do not allow a verdict.
    """
    name = f"{settings.warehouse_database}_replay_{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    settings.data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.data, prefix="replay-") as folder:
        file = Path(folder) / "recomputed.jsonl"
        recomputed = _recompute(options, file)  # 1
        try:
            _wait_for_sink(settings, recomputed)  # 2
            with scratch_database(settings, name, keep=keep) as scratch:
                with file.open("rb") as lines:
                    store(scratch, lines)  # 3
                return _compared(settings, scratch, recomputed, name if keep else "")  # 4
        except (BusError, WarehouseError, Unstorable) as error:
            raise Unusable(str(error).splitlines()[0]) from error


def _recompute(options: dict[str, str], file: Path) -> Recomputed:
    given = [part for option, value in options.items() if value for part in (option, value)]
    command = [sys.executable, "-m", "stream_processors.replay", *given, str(file)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603  # our own module
    if ended.returncode != 0:
        raise Unusable("" if ended.returncode == 2 else "the processors failed on the log; the lines above say where")
    return msgspec.json.decode(ended.stdout, type=Recomputed)


def _wait_for_sink(settings: Settings, recomputed: Recomputed) -> None:
    """Return once the sink has committed behind what the log held when the replay began."""
    deadline = time.monotonic() + SINK_PATIENCE_S
    while True:
        stored = committed(settings, "sink")
        behind = sum(max(0, end - stored.get((topic, number), 0)) for topic, number, end in recomputed.told)
        if not behind:
            return
        if time.monotonic() > deadline:
            raise Unusable(f"the sink has {behind} messages to store yet; see `driftloop status`, then try again")
        time.sleep(_POLL_S)


def _compared(settings: Settings, scratch: Settings, recomputed: Recomputed, kept: str) -> Verdict:
    bounds = {"since": recomputed.since, "until": recomputed.until}
    since, until = from_unix_ms(recomputed.since), from_unix_ms(recomputed.until)
    with Warehouse.connect(settings) as warehouse:
        live, other = settings.warehouse_database, scratch.warehouse_database
        comparison = Comparison(warehouse, live, other, bounds=bounds, whole=recomputed.whole)
        accounts = tuple(comparison.account(kind) for kind in KINDS)
        found = [difference for kind in KINDS for difference in comparison.differences(kind)]
    if not any(one.rows for one in accounts):
        raise Unusable(f"neither the warehouse nor the log concluded anything from {since} to {until}")
    identical = not any(one.differing for one in accounts)
    return Verdict(identical, since, until, recomputed.whole, accounts, tuple(found[:MOST_SHOWN]), kept)
