"""How a replay is told to a person, and to a program."""

from datetime import datetime

import msgspec
from rich.console import Console
from rich.table import Table

from services.commands.replay.comparison import Account, Difference


class Verdict(msgspec.Struct, frozen=True):
    """What came out of a replay.

    Attributes:
        since: What ended from here on was compared.
        until: And before here.
        whole: Whether the log was read from its very beginning.
        database: The scratch database, where it was kept.
    """

    identical: bool
    since: datetime
    until: datetime
    whole: bool
    accounts: tuple[Account, ...]
    differences: tuple[Difference, ...]
    database: str = ""


def json_of(verdict: Verdict) -> str:
    """Return the verdict for programs."""
    return msgspec.json.format(msgspec.json.encode(verdict)).decode()


def draw(verdict: Verdict, console: Console) -> None:
    """Print the verdict for people."""
    table = Table("", "identical", "only in warehouse", "only in replay", "different")
    for one in verdict.accounts:
        counts = (one.identical, one.only_in_warehouse, one.only_in_replay, one.different)
        table.add_row(one.kind, *map(str, counts))
    console.print(table)
    for found in verdict.differences:
        line = f"{found.kind} {found.series} {found.window} {found.field}: "
        console.print(line + f"warehouse {found.warehouse}, replay {found.replay}", markup=False, soft_wrap=True)
    word = "identical" if verdict.identical else "not identical"
    span = f"{verdict.since:%Y-%m-%dT%H:%M:%SZ} to {verdict.until:%Y-%m-%dT%H:%M:%SZ}"
    begun = "read from the log's beginning"
    if not verdict.whole:
        begun = "read after a warm-up, without sequential detectors, which need the whole log"
    console.print(f"{word}: {span}, {begun}", highlight=False, soft_wrap=True)
    if verdict.database:
        console.print(f"kept: database {verdict.database}", highlight=False, soft_wrap=True)
