"""python -m stream_processors.replay [--from T] [--to T] [--warm-up D] FILE: the processors on an old log.

Writes what they conclude to FILE, a JSON object a line with topic, log time and record, and to stdout one
JSON object that says what was replayed. Shows its progress on a terminal. `driftloop replay` starts it.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from rich.console import Console
from rich.progress import Progress

from schemas.codec import encode, to_unix_ms
from schemas.configuration import Configuration
from schemas.configuration_parser import BadConfiguration
from schemas.record import Record
from schemas.settings import BadSetting, Settings
from schemas.topics import topic_of
from services.clients.bus.connection import UNREACHABLE
from services.clients.bus.errors import BusError
from services.parts.runtime.logs import configure_logging
from services.parts.runtime.process import read_configuration
from stream_processors.replay.course import COMPARED, READ, course, wired
from stream_processors.replay.log import Log, opened
from stream_processors.replay.span import BadSpan, Span, asked_for, span_of

OPTIONS = ("--from", "--to", "--warm-up")


class Recomputed(msgspec.Struct, frozen=True):
    """What was replayed.

    Attributes:
        start: Log time from which was read; Unix milliseconds, as the others.
        since: From here on windows, drift and alerts can be compared, by their ends.
        until: And up to here.
        whole: Whether the log was read from its very beginning.
        told: Where the logs of the compared topics ended: topic, partition, offset.
    """

    start: int
    since: int
    until: int
    whole: bool
    told: list[tuple[str, int, int]]


def main() -> None:
    """Replay; a user's mistake is one line and status 2."""
    texts, file = _arguments()
    try:
        settings = Settings.from_environment()
        configure_logging("replay", "ERROR")
        told = _recompute(settings, read_configuration(settings), texts, file)
    except (BadSetting, BadConfiguration, BadSpan, BusError, *UNREACHABLE) as error:
        print(f"driftloop: {error}", file=sys.stderr)
        sys.exit(2)
    print(msgspec.json.encode(told).decode())


def _arguments() -> tuple[Mapping[str, str], Path]:
    parser = argparse.ArgumentParser(prog="stream_processors.replay", description=__doc__)
    for option in OPTIONS:
        parser.add_argument(option, dest=option, default="")
    parser.add_argument("file", type=Path)
    found = vars(parser.parse_args())
    return {option: found[option] for option in OPTIONS}, found["file"]


def _recompute(settings: Settings, configuration: Configuration, texts: Mapping[str, str], file: Path) -> Recomputed:
    asked = asked_for(texts, configuration, to_unix_ms(datetime.now(UTC)))
    with opened(settings, COMPARED) as told:
        ends = sorted((*source, end) for source, end in told.ends.items())
    with opened(settings, READ) as log:
        begins = log.begins_at()
        if begins is None:
            raise BadSpan("the log is empty: there is nothing to replay")
        span = span_of(asked, configuration, begins=begins, whole=log.whole)
        with file.open("wb") as out:
            asyncio.run(_replay(settings, configuration, log, span, out))
        return Recomputed(span.start, span.since, span.until, log.whole and span.start == begins, ends)


async def _replay(settings: Settings, configuration: Configuration, log: Log, span: Span, out: BinaryIO) -> None:
    clock, processors = wired(settings, configuration, log.sources, start=span.start)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading the log again", total=span.settled - span.start)
        async for emitted in course(log.since(span.start), clock, processors, until=span.settled):
            _write(emitted, clock.now, out)
            progress.update(task, completed=clock.now - span.start)


def _write(emitted: Sequence[Record], now: int, out: BinaryIO) -> None:
    for record in emitted:
        topic = topic_of(record)
        if topic in COMPARED:
            line = {"topic": topic.name, "logged_at": now, "record": msgspec.Raw(encode(record))}
            out.write(msgspec.json.encode(line) + b"\n")


if __name__ == "__main__":
    main()
