import pytest

from schemas.settings import Settings
from schemas.tables import DEAD_LETTERS, TABLES
from services.clients.warehouse.client import Warehouse
from services.clients.warehouse.migrations import migrate, migrations, statements


def test_statements_end_at_a_semicolon_that_ends_a_line() -> None:
    text = "-- a comment; with a semicolon\nCREATE TABLE a (x String DEFAULT ';' );\n\nDROP TABLE b;\n"
    assert statements(text) == ["CREATE TABLE a (x String DEFAULT ';' )", "DROP TABLE b"]


def test_migrations_come_in_the_order_of_their_numbers() -> None:
    names = list(migrations())
    assert names == sorted(names)
    assert names[0] == "0001_tables.sql"


@pytest.mark.warehouse
def test_every_table_of_the_catalogue_has_the_columns_of_its_definition(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        for table in TABLES:
            rows = client.query(f"DESCRIBE TABLE {table.name}")
            assert [(r["name"], r["type"]) for r in rows] == [(c.name, c.type) for c in table.columns]
        assert client.query(f"EXISTS TABLE {DEAD_LETTERS}") == [{"result": 1}]


@pytest.mark.warehouse
def test_migrating_twice_changes_nothing(warehouse: Settings) -> None:
    with Warehouse.connect(warehouse) as client:
        before = client.query("SELECT * FROM schema_migrations ORDER BY name")
        migrate(warehouse)
        assert client.query("SELECT * FROM schema_migrations ORDER BY name") == before
