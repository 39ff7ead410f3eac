"""What the control store's tables share: one metadata, and instants that survive SQLite."""

from datetime import datetime

from sqlalchemy import BigInteger, Dialect, MetaData
from sqlalchemy.types import TypeDecorator

from schemas.codec import from_unix_ms, to_unix_ms

METADATA = MetaData()


class Instant(TypeDecorator[datetime]):
    """A UTC instant kept as milliseconds since the epoch, because SQLite drops time zones."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the stored number of an instant."""
        return None if value is None else to_unix_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the instant of a stored number, UTC-aware."""
        return None if value is None else from_unix_ms(value)
