"""Brings the warehouse's tables up to the numbered DDL of the contracts, each file once."""

import re
from collections.abc import Mapping
from importlib.resources import files

from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse

_FILE_NAME = re.compile(r"^\d{4}_\w+\.sql$")
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    `name` String,
    `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY name
"""


def migrate(settings: Settings) -> None:
    """Create the deployment's database if need be and apply what it lacks, in the order of the numbers.

    Every statement of a file must bear repetition: one that is interrupted runs again from its
    start, and two processes that migrate at once both apply it.

    Raises:
        WarehouseDown: Not reachable; what is applied so far stays.
        WarehouseRefused: A statement is wrong, or rights are missing.
    """
    with Warehouse.connect(settings, database="default") as server:
        server.execute(f"CREATE DATABASE IF NOT EXISTS `{settings.warehouse_database}`")
    with Warehouse.connect(settings) as warehouse:
        warehouse.execute(_LEDGER)
        applied = {str(row["name"]) for row in warehouse.query("SELECT name FROM schema_migrations FINAL")}
        for name, text in migrations().items():
            if name not in applied:
                for statement in statements(text):
                    warehouse.execute(statement)
                warehouse.insert("schema_migrations", ["name"], [[name]])


def migrations() -> Mapping[str, str]:
    """Return the text of every DDL file by its name, in order."""
    folder = files("schemas") / "ddl"
    found = sorted((entry for entry in folder.iterdir() if _FILE_NAME.match(entry.name)), key=lambda entry: entry.name)
    return {entry.name: entry.read_text() for entry in found}


def statements(text: str) -> list[str]:
    """Split a DDL file at the semicolons that end a line, comments on lines of their own removed."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    parts = re.split(r";\s*$", "\n".join(lines), flags=re.MULTILINE)
    return [part.strip() for part in parts if part.strip()]
