import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest

from schemas.settings import Settings, port_variable
from services.clients.warehouse.client import Warehouse
from services.embedded.warehouse.engine import HANDLES
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S
from tests.fixtures.warehouse import running_warehouse

pytestmark = pytest.mark.warehouse


@pytest.fixture
def table(warehouse: Settings) -> str:
    with Warehouse.connect(warehouse) as client:
        client.execute("DROP TABLE IF EXISTS counted")
        client.execute("CREATE TABLE counted (id Int64, text String) ENGINE = MergeTree ORDER BY id")
    return "counted"


def connect(warehouse: Settings, compress: str | bool) -> Any:
    return clickhouse_connect.get_client(
        host=warehouse.host, port=warehouse.ports["warehouse"], database=warehouse.warehouse_database, compress=compress
    )


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_every_row_of_an_insert_arrives_in_each_compression(
    warehouse: Settings, table: str, compress: str | bool
) -> None:
    client = connect(warehouse, compress)
    for size in (1, 2, 100, 4095, 4096, 4097, 5000, 20_000):
        client.insert(table, [(number, f"{number}" * 200) for number in range(size)], column_names=["id", "text"])
        found = client.query(f"SELECT count(), uniqExact(id), sum(length(text)) FROM {table}").result_rows
        assert found == [(size, size, sum(len(f"{number}") * 200 for number in range(size)))]
        client.command(f"TRUNCATE TABLE {table}")
    client.close()


def test_a_raw_insert_with_the_statement_in_the_url_arrives(warehouse: Settings, table: str) -> None:
    client = connect(warehouse, False)
    client.raw_insert(
        table, ["id", "text"], iter([b'{"id": 1, "text": "a"}\n', b'{"id": 2, "text": "b"}\n']), fmt="JSONEachRow"
    )
    assert client.query(f"SELECT count() FROM {table}").result_rows == [(2,)]
    client.close()


def test_a_setting_lasts_one_statement(warehouse: Settings) -> None:
    client = connect(warehouse, False)
    sql = "SELECT getSetting('max_threads')"
    assert client.query(sql, settings={"max_threads": 1}).result_rows == [(1,)]
    assert {client.query(sql).result_rows[0][0] for _ in range(10)} != {1}
    client.close()


def test_unknown_settings_are_refused_and_cost_nothing(warehouse: Settings) -> None:
    for _ in range(2 * HANDLES):
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(warehouse, "?max_threads=1&no_such_setting=1", b"SELECT 1")
        with caught.value as error:
            assert (error.code, error.headers["X-ClickHouse-Exception-Code"]) == (500, "115")
    assert post(warehouse, "", b"SELECT getSetting('max_threads') = 1") == b"0\n"


def test_errors_carry_clickhouses_code(warehouse: Settings) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(warehouse, "", b"SELECT nonsense")
    with caught.value as error:
        assert (error.code, error.headers["X-ClickHouse-Exception-Code"]) == (500, "47")


def test_a_broken_body_is_refused_with_status_400(warehouse: Settings) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(warehouse, "", b"rubbish", {"Content-Encoding": "lz4"})
    with caught.value as error:
        assert error.code == 400


def test_ping_and_metrics_answer(warehouse: Settings) -> None:
    with urllib.request.urlopen(f"{warehouse.warehouse_url}/ping", timeout=PATIENCE_S) as response:
        assert response.read() == b"Ok.\n"
    post(warehouse, "", b"SELECT 1")
    with urllib.request.urlopen(f"{warehouse.warehouse_url}/metrics", timeout=PATIENCE_S) as response:
        assert b'driftloop_warehouse_statements_total{kind="query",outcome="done"}' in response.read()


def test_many_clients_at_once_all_get_their_answers(warehouse: Settings, table: str) -> None:
    def work(number: int) -> list[dict[str, Any]]:
        with Warehouse.connect(warehouse) as client:
            client.insert(table, ["id", "text"], [(number, "x")])
            return client.query("SELECT {n:Int64} AS n", {"n": number})

    with ThreadPoolExecutor(24) as pool:
        assert list(pool.map(work, range(24))) == [[{"n": number}] for number in range(24)]
    with Warehouse.connect(warehouse) as client:
        assert client.query(f"SELECT uniqExact(id) AS n FROM {table}") == [{"n": 24}]


def test_rows_survive_kill_and_restart(tmp_path: Path) -> None:
    environment = {"DRIFTLOOP_DATA": str(tmp_path), port_variable("warehouse"): str(free_port())}
    settings = Settings.from_environment(environment)
    with running_warehouse(environment), Warehouse.connect(settings) as client:
        client.execute("CREATE TABLE kept (id Int64) ENGINE = MergeTree ORDER BY id")
        client.insert("kept", ["id"], [(number,) for number in range(500)])
    with running_warehouse(environment), Warehouse.connect(settings) as client:
        assert client.query("SELECT count() AS n FROM kept") == [{"n": 500}]


def test_sigterm_ends_it_cleanly_and_soon(tmp_path: Path) -> None:
    environment = {"DRIFTLOOP_DATA": str(tmp_path), port_variable("warehouse"): str(free_port())}
    with start(environment) as process:
        time.sleep(0.5)  # it may still be opening the engine
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) in (0, -signal.SIGTERM)


def test_a_busy_port_is_named_in_one_line(warehouse: Settings, tmp_path: Path) -> None:
    port = str(warehouse.ports["warehouse"])
    process = start({"DRIFTLOOP_DATA": str(tmp_path), port_variable("warehouse"): port})
    output = process.communicate(timeout=PATIENCE_S)[0].decode()
    assert process.returncode == 2
    assert output == f"warehouse: port {port} is taken; set DRIFTLOOP_WAREHOUSE_PORT to a free one\n"


def test_a_folder_that_is_open_elsewhere_is_not_opened_twice(warehouse: Settings) -> None:
    process = start({"DRIFTLOOP_DATA": str(warehouse.data), port_variable("warehouse"): str(free_port())})
    output = process.communicate(timeout=PATIENCE_S)[0].decode()
    assert process.returncode == 2
    assert "stop the process that has it open" in output.splitlines()[-1]


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "services.embedded.warehouse"]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def post(warehouse: Settings, arguments: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    request = urllib.request.Request(f"{warehouse.warehouse_url}/{arguments}", body, headers or {})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        answer: bytes = response.read()
    return answer
