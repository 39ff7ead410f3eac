"""Keys of those who may come in, by the hash of their secret, and what each has used by month.

A secret is 256 random bits, so its SHA-256 can neither be guessed nor looked up: nobody can try as many secrets
as there are. What makes hashes of passwords slow and salted, that people choose from few, would cost every call
milliseconds here and add nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from schemas.access import AccessKey, KeyLimits, Scope, Spent
from services.clients.store.columns import METADATA, Instant
from services.clients.store.database import open_store

KEYS = Table(
    "access_keys",
    METADATA,
    Column("key_id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("name", String(256), nullable=False),
    Column("app", String(256), nullable=False),
    Column("tenant", String(256), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("requests_per_minute", Integer, nullable=True),
    Column("tokens_per_month", BigInteger, nullable=True),
    Column("usd_per_month", Double, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Column("revoked_at", Instant, nullable=True),
    UniqueConstraint("digest", name="access_keys_digest_once"),
)
USE = Table(
    "access_key_use",
    METADATA,
    Column("key_id", String(32), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("usd", Double, nullable=False),
)
_INSERTS: Mapping[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}

Use = Mapping[tuple[str, str], Spent]
"""What was used, by key id and month."""


class StoreAway(Exception):
    """The store can't be reached, or does not do what it is asked. The message names the kind of failure alone."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds.

    Attributes:
        keys: By the hash of their secret.
        spent: By key id, of the month that was asked for.
    """

    keys: Mapping[str, AccessKey]
    spent: Mapping[str, Spent]


class KeyStore:
    """The tables of keys and of their use.

    Every method raises StoreAway when the store can't be used, and has then changed nothing, unless the connection
    broke in the very moment of the commit.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts, self._known = (0, 0), dict[str, AccessKey]()

    @classmethod
    def at(cls, url: str) -> "KeyStore":
        """Return the store at an address, its schema up to date.

        Raises:
            StoreAway: It can't be reached.
        """
        try:
            return cls(open_store(url))
        except SQLAlchemyError as error:
            raise _away(error) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def add(self, key: AccessKey, digest: str) -> None:
        """Keep a new key under the hash of its secret."""
        values = {
            "key_id": key.key_id,
            "digest": digest,
            "name": key.name,
            "app": key.app,
            "tenant": key.tenant,
            "scopes": ",".join(sorted(key.scopes)),
            "requests_per_minute": key.limits.requests_per_minute,
            "tokens_per_month": key.limits.tokens_per_month,
            "usd_per_month": key.limits.usd_per_month,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(KEYS).values(values))
        except SQLAlchemyError as error:
            raise _away(error) from error

    def revoke(self, key_id: str, at: datetime) -> AccessKey | None:
        """Close a key for good and return it, revoked at the first time that this was asked; None if there is none."""
        mine = KEYS.c.key_id == key_id
        try:
            with self._engine.begin() as connection:
                connection.execute(update(KEYS).where(mine, KEYS.c.revoked_at.is_(None)).values(revoked_at=at))
                row = connection.execute(select(KEYS).where(mine)).first()
        except SQLAlchemyError as error:
            raise _away(error) from error
        return _key(row) if row else None

    def exchange(self, used: Use, month: str) -> Held:
        """Add what was used since, then return all keys and what was used in a month, by everybody.

        Amounts are added to what stands there, so several processes may tell of the same key.
        """
        try:
            with self._engine.begin() as connection:
                # In one order everywhere, so that two who add don't wait for each other.
                for (key_id, of_month), spent in sorted(used.items(), key=lambda item: item[0]):
                    self._add_use(connection, key_id, of_month, spent)
                keys = self._all_keys(connection)
                months = connection.execute(select(USE).where(USE.c.month == month))
                return Held(keys, {row.key_id: Spent(row.requests, row.tokens, row.usd) for row in months})
        except SQLAlchemyError as error:
            raise _away(error) from error

    def _all_keys(self, connection: Connection) -> Mapping[str, AccessKey]:
        """Return all keys, read anew only when there are others: keys are added and revoked once, never changed."""
        counts = connection.execute(select(func.count(), func.count(KEYS.c.revoked_at)).select_from(KEYS)).one()
        if tuple(counts) != self._counts:
            self._known = {row.digest: _key(row) for row in connection.execute(select(KEYS))}
            self._counts = counts[0], counts[1]
        return self._known

    def _add_use(self, connection: Connection, key_id: str, month: str, spent: Spent) -> None:
        amounts = {"requests": spent.requests, "tokens": spent.tokens, "usd": spent.usd}
        row = _INSERTS[self._engine.dialect.name](USE).values(key_id=key_id, month=month, **amounts)
        added = {name: USE.c[name] + row.excluded[name] for name in amounts}
        connection.execute(row.on_conflict_do_update(index_elements=["key_id", "month"], set_=added))


def _away(error: SQLAlchemyError) -> StoreAway:
    # What the driver says may hold the statement, its values and the address with its password.
    return StoreAway(type(error).__name__)


def _key(row: Row[tuple[object, ...]]) -> AccessKey:
    values = row._mapping
    return AccessKey(
        key_id=values["key_id"],
        name=values["name"],
        app=values["app"],
        tenant=values["tenant"],
        scopes=cast("frozenset[Scope]", frozenset(values["scopes"].split(","))),
        created_at=values["created_at"],
        limits=KeyLimits(values["requests_per_minute"], values["tokens_per_month"], values["usd_per_month"]),
        expires_at=values["expires_at"],
        revoked_at=values["revoked_at"],
    )
