"""Sent against stored: every event that a client knows of, looked for in the warehouse by its id."""

import time
from collections import Counter

from services.commands.demo.observer import Observer
from services.commands.demo.stage import Sent
from services.commands.demo.summary import Events
from services.commands.demo.traffic import Ledger

CATCH_UP_S = 60.0


def balance(observer: Observer, ledger: Ledger, sent: Sent) -> Events:
    """Return the account, once it is even or CATCH_UP_S has gone by.

    Rows are counted as inserted, before any deduplication, so a double shows as more stored than
    sent. Shadow answers are left out: no client sent them.
    """
    deadline = time.monotonic() + CATCH_UP_S
    while True:
        account = _balance(observer, ledger, sent)
        even = account.sent == account.stored + account.dead_lettered and account.lost == 0
        if even or time.monotonic() > deadline:
            return account
        time.sleep(1)


def _balance(observer: Observer, ledger: Ledger, sent: Sent) -> Events:
    known = (
        ("requests", "request_id", ledger.answered | sent.imported_requests),
        ("responses", "request_id", ledger.answered),
        ("feedback", "event_id", ledger.judged | sent.imported_feedback),
    )
    stored = lost = 0
    for table, column, ids in known:
        rows = observer.rows(
            f"SELECT {column} AS id FROM {table} WHERE app = {{app:String}} AND variant != 'shadow'"  # noqa: S608  # constants
        )
        found = Counter(str(row["id"]) for row in rows)
        stored += sum(found[id_] for id_ in ids)
        lost += sum(id_ not in found for id_ in ids)
    return Events(
        sent=sum(len(ids) for _, _, ids in known) + sent.malformed,
        stored=stored,
        dead_lettered=observer.count("SELECT count() FROM dead_letters FINAL"),
        lost=lost,
        failed_calls=ledger.failed,
    )
