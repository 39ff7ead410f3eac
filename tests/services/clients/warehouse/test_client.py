import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse, WarehouseDown, WarehouseRefused
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.warehouse
COLUMNS = ["id", "name", "at", "value"]
MOMENT = datetime(2026, 1, 31, 12, 0, 0, 123000, UTC)


@pytest.fixture
def client(warehouse: Settings) -> Iterator[Warehouse]:
    with Warehouse.connect(warehouse) as connected:
        connected.execute("DROP TABLE IF EXISTS things")
        connected.execute(
            "CREATE TABLE things (id Int64, name String, at DateTime64(3, 'UTC'), value Nullable(Float64))"
            " ENGINE = MergeTree ORDER BY id"
        )
        yield connected


def test_rows_come_back_as_they_went_in(client: Warehouse) -> None:
    client.insert("things", COLUMNS, [(1, "it's ünïcode\n\t\\", MOMENT, 0.5), (2, "", MOMENT, None)])
    assert client.query("SELECT * FROM things ORDER BY id") == [
        {"id": 1, "name": "it's ünïcode\n\t\\", "at": MOMENT, "value": 0.5},
        {"id": 2, "name": "", "at": MOMENT, "value": None},
    ]


def test_parameters_are_bound_not_pasted(client: Warehouse) -> None:
    client.insert("things", COLUMNS, [(1, "a' OR 1=1 --", MOMENT, 1.0), (2, "b", MOMENT, 1.0)])
    sql = "SELECT id FROM things WHERE name = {name:String} AND at = {at:DateTime64(3, 'UTC')}"
    assert client.query(sql, {"name": "a' OR 1=1 --", "at": MOMENT}) == [{"id": 1}]


def test_parameters_too_long_for_a_url_are_bound_too(client: Warehouse) -> None:
    names = [f"name-{number}" for number in range(5000)]
    assert client.query("SELECT length({names:Array(String)}) AS n", {"names": names}) == [{"n": 5000}]


def test_one_insert_is_one_part_however_many_rows(client: Warehouse) -> None:
    client.insert("things", COLUMNS, [(number, "x" * 1000, MOMENT, None) for number in range(20_000)])
    parts = client.query(
        "SELECT rows FROM system.parts WHERE table = 'things' AND active AND database = currentDatabase()"
    )
    assert parts == [{"rows": 20_000}]


def test_inserting_no_rows_stores_nothing(client: Warehouse) -> None:
    client.insert("things", COLUMNS, [])
    assert client.query("SELECT count() AS n FROM things") == [{"n": 0}]


INSERT = """
import sys
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
with Warehouse.connect(Settings.from_environment()) as warehouse:
    warehouse.insert("things", ["id", "name"], [(1, "one")])
    print(warehouse.query("SELECT id, at FROM things")[0]["id"])
print([name for name in ("pandas", "numpy", "pyarrow") if name in sys.modules])
"""


def test_writing_and_reading_rows_loads_no_pandas(client: Warehouse, warehouse_environment: dict[str, str]) -> None:
    environment = {**os.environ, **warehouse_environment}
    done = subprocess.run([sys.executable, "-c", INSERT], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n[]\n"


def test_a_frame_without_rows_keeps_its_columns(client: Warehouse) -> None:
    frame = client.frame("SELECT id, at FROM things WHERE id = {id:Int64}", {"id": 7})
    assert list(frame.columns) == ["id", "at"]
    assert frame.empty


def test_a_frame_has_aware_times(client: Warehouse) -> None:
    client.insert("things", COLUMNS, [(1, "a", MOMENT, 1.0)])
    assert client.frame("SELECT at FROM things")["at"].iloc[0] == MOMENT


def test_a_wrong_statement_is_refused_with_the_engines_words(client: Warehouse) -> None:
    with pytest.raises(WarehouseRefused, match="UNKNOWN_IDENTIFIER"):
        client.query("SELECT nonsense FROM things")


def test_a_refused_insert_stores_nothing(client: Warehouse) -> None:
    rows: list[tuple[object, ...]] = [(number, "x", MOMENT, None) for number in range(10)]
    with pytest.raises(WarehouseRefused):
        client.insert("things", COLUMNS, [*rows, ("no number", "x", MOMENT, None)])  # type: ignore[list-item]  # the point of the test
    assert client.query("SELECT count() AS n FROM things") == [{"n": 0}]


def test_an_insert_under_way_is_waited_for(warehouse: Settings, client: Warehouse) -> None:
    client.execute("CREATE TABLE slow (n UInt64) ENGINE = MergeTree ORDER BY n")
    slowly = "INSERT INTO slow SELECT number + sleepEachRow(0.02) FROM numbers(100) SETTINGS max_block_size = 1"
    with Warehouse.connect(warehouse) as other, ThreadPoolExecutor() as pool:
        inserts = [pool.submit(other.execute, slowly)]
        while not client.query("SELECT 1 FROM system.processes WHERE query_kind = 'Insert'"):
            if inserts[-1].done():  # before it was looked for
                inserts.append(pool.submit(other.execute, slowly))
        client.wait_for_inserts()
        assert client.query("SELECT count() AS n FROM slow") == [{"n": 100 * len(inserts)}]


def test_a_missing_database_is_refused(warehouse: Settings) -> None:
    with pytest.raises(WarehouseRefused):
        Warehouse.connect(dataclasses.replace(warehouse, warehouse_database="nowhere"))


def test_nobody_listening_is_down(warehouse: Settings) -> None:
    with pytest.raises(WarehouseDown):
        Warehouse.connect(dataclasses.replace(warehouse, warehouse_url=f"http://127.0.0.1:{free_port()}"))
