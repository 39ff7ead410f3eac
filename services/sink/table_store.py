"""The sink's hold on the warehouse: opened when needed, dropped when it fails."""

from collections.abc import Sequence

from schemas.settings import Settings
from services.clients.bus.assignment import Assigned
from services.clients.warehouse.client import Warehouse, WarehouseDown
from services.sink.blocks import Block
from services.sink.positions import asked_of, starts_of, stored_sql, tables_of
from services.sink.rows import columns_of


class TableStore:
    """Blocks in, positions out. Used from one thread.

    Raises:
        WarehouseDown: From every method; the next call connects anew.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._warehouse: Warehouse | None = None

    @property
    def connected(self) -> bool:
        """Whether the last call reached the warehouse."""
        return self._warehouse is not None

    def insert(self, block: Block) -> None:
        """Store a block, all of it or nothing; when WarehouseDown is raised, which of both is unknown."""
        try:
            self._opened().insert(block.table, columns_of(block.table), block.rows)
        except WarehouseDown:
            self.close()
            raise

    def starts(self, assigned: Sequence[Assigned]) -> Sequence[int | None]:
        """Return from where to read each partition, by what the tables hold once no insert is under way."""
        try:
            self._opened().wait_for_inserts()
            found = [
                row
                for table in tables_of(assigned)
                for row in self._opened().query(stored_sql(table), asked_of(table, assigned))
            ]
        except WarehouseDown:
            self.close()
            raise
        return starts_of(assigned, {(row["topic_id"], row["partition"]): row["highest"] for row in found})

    def close(self) -> None:
        """Disconnect."""
        if self._warehouse is not None:
            self._warehouse.close()
            self._warehouse = None

    def _opened(self) -> Warehouse:
        if self._warehouse is None:
            self._warehouse = Warehouse.connect(self._settings)
        return self._warehouse
