"""How the dashboard's questions and the sink's inserts slow down as the warehouse fills.

    python -m tests.bench.growth [--sizes 100000 1000000 10000000] [--rate 100]

For each size a fresh database gets a generated history of so many rows (tests.bench.growth_rows), then

    pages      milliseconds that the queries of each dashboard page take together, looking back one hour and a
               day: median of five runs of the page, through Streamlit's own harness and HTTP
    insert     microseconds a row of 1 KB that the sink's block of 10,000 responses takes, and the processor time
               of the warehouse for it: median of five; the smallest size is the baseline of the others
    positions  milliseconds of the question that a sink asks before it reads its partitions, with the commit of
               the last batch but one
    disk       bytes a stored row, after merges have come to rest or not
"""

import argparse
import json
import logging
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from streamlit.testing.v1 import AppTest

from dashboards.pages import PAGES
from schemas.settings import Settings, port_variable
from schemas.tables import TABLE_BY_TOPIC, Position
from schemas.topics import INFERENCE_RESPONDED
from services.clients.warehouse.client import Warehouse
from services.clients.warehouse.migrations import migrate
from services.sink.exactly_once import MAX_MESSAGES
from services.sink.positions import stored_sql
from tests.bench.growth_rows import fill
from tests.bench.ingest_log import responses
from tests.bench.machine import machine
from tests.fixtures.ports import free_port
from tests.fixtures.warehouse import running_warehouse

_REPEATS = 5
_SPANS = ("1 hour", "24 hours")
_PATIENCE_S = 120


@contextmanager
def timed_queries() -> Iterator[list[float]]:
    """Collect the seconds of every query made meanwhile in this process."""
    taken: list[float] = []
    plain = {name: getattr(Warehouse, name) for name in ("query", "frame")}

    def timed(name: str) -> Any:
        def ask(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return plain[name](*args, **kwargs)
            finally:
                taken.append(time.perf_counter() - began)

        return ask

    for name in plain:
        setattr(Warehouse, name, timed(name))
    try:
        yield taken
    finally:
        for name, method in plain.items():
            setattr(Warehouse, name, method)


def _draw(title: str) -> None:
    from dashboards.pages import draw

    draw(title)


def page_ms(title: str, span: str) -> float:
    """Return the milliseconds that a page's queries take together, median of several runs."""
    taken = []
    for _ in range(_REPEATS):
        page = AppTest.from_function(_draw, kwargs={"title": title}, default_timeout=_PATIENCE_S)
        page.session_state["span"] = span
        with timed_queries() as seconds:
            page.run()
        if page.exception or page.warning:
            raise RuntimeError(f"{title}: {page.exception or page.warning}")
        taken.append(1000 * sum(seconds))
    return round(statistics.median(taken), 1)


def insert_us(settings: Settings, server: psutil.Process) -> dict[str, float]:
    """Return microseconds a row of the sink's block, on the clock and of the warehouse's processor."""
    table, now = TABLE_BY_TOPIC[INFERENCE_RESPONDED.name], datetime.now(UTC)
    wall, cpu = [], []
    with Warehouse.connect(settings) as warehouse:
        for number in range(_REPEATS):
            records = responses(MAX_MESSAGES, random.Random(number))
            rows = [row for at, record in enumerate(records) for row in table.rows(record, Position("new", 0, at), now)]
            busy, began = sum(server.cpu_times()[:2]), time.perf_counter()
            warehouse.insert(table.name, table.column_names, rows)
            wall.append((time.perf_counter() - began) / len(rows))
            cpu.append((sum(server.cpu_times()[:2]) - busy) / len(rows))
    return {
        "us_per_row": round(1e6 * statistics.median(wall), 1),
        "warehouse_cpu_us_per_row": round(1e6 * statistics.median(cpu), 1),
    }


def stored(settings: Settings) -> dict[str, float]:
    """Return what the database holds and how long the sink's question for its positions takes."""
    table = TABLE_BY_TOPIC[INFERENCE_RESPONDED.name].name
    taken = []
    with Warehouse.connect(settings) as warehouse:
        last = warehouse.query(f"SELECT max(offset) AS at FROM {table}")[0]["at"]
        committed = max(0, last - MAX_MESSAGES // INFERENCE_RESPONDED.partitions)
        for _ in range(_REPEATS):
            began = time.perf_counter()
            warehouse.query(stored_sql(table), {"topic_ids": ["id"], "since": committed})
            taken.append(1000 * (time.perf_counter() - began))
        held = warehouse.query(
            """
            SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts
            FROM system.parts WHERE active AND database = currentDatabase()
            """
        )[0]
    return {
        "rows": held["rows"],
        "parts": held["parts"],
        "bytes_per_row": round(held["bytes"] / held["rows"], 1),
        "positions_ms": round(statistics.median(taken), 1),
    }


def measured(settings: Settings, size: int, rate: float, server: psutil.Process) -> dict[str, object]:
    """Return the figures of one size; its database is gone afterwards."""
    settings = replace(settings, warehouse_database=f"growth_{size}")
    migrate(settings)
    began = time.perf_counter()
    fill(settings, size, rate)
    print(f"{size}: filled in {time.perf_counter() - began:.0f} s", flush=True)
    os.environ["DRIFTLOOP_WAREHOUSE_DATABASE"] = settings.warehouse_database
    held = stored(settings)
    pages = {span: {page.title: page_ms(page.title, span) for page in PAGES} for span in _SPANS}
    figures = {**held, "pages_ms": pages, "insert": insert_us(settings, server), "peak_mib": _peak_mib(server)}
    with Warehouse.connect(settings) as warehouse:
        warehouse.execute(f"DROP DATABASE {settings.warehouse_database} SYNC")
    print(f"{size}: {json.dumps(figures)}", flush=True)
    return figures


def _peak_mib(server: psutil.Process) -> int:
    peak = next(line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if "VmHWM" in line)
    return round(int(peak.split()[1]) / 1024)


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000], help="rows stored")
    parser.add_argument("--rate", type=float, default=100.0, help="calls a second of the history")
    chosen = parser.parse_args()
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # a page outside a browser is what we want
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"DRIFTLOOP_DATA": folder, port_variable("warehouse"): str(free_port())}
        os.environ.update(environment)
        with running_warehouse(environment):
            settings = Settings.from_environment()
            server = next(
                child for child in psutil.Process().children() if "services.embedded.warehouse" in child.cmdline()
            )
            figures = {str(size): measured(settings, size, chosen.rate, server) for size in chosen.sizes}
    print(json.dumps({"bench": "growth", "calls_per_s": chosen.rate, **before, "sizes": figures}))


if __name__ == "__main__":
    main()
