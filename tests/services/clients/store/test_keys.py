"""Keys and their use in the store: hashed, added up, the same in both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from schemas.access import AccessKey, KeyLimits, Spent
from services.clients.store.columns import METADATA
from services.clients.store.database import open_store
from services.clients.store.keys import KEYS, USE, KeyStore, StoreAway
from services.parts.access.secrets import digest_of, new_secret

NOW = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
KEY = AccessKey(
    key_id="k1",
    name="a client",
    app="guard",
    tenant="acme",
    scopes=frozenset({"infer", "feedback"}),
    created_at=NOW,
    limits=KeyLimits(600, 10**12, 49.5),
    expires_at=NOW + timedelta(days=90),
)
MONTH = "2026-01"


@pytest.fixture
def store(store_url: str) -> Iterator[KeyStore]:
    store = KeyStore.at(store_url)
    yield store
    store.close()


def test_a_key_comes_back_as_it_was_kept(store: KeyStore) -> None:
    store.add(KEY, "d1")
    assert store.exchange({}, MONTH).keys == {"d1": KEY}


def test_a_key_is_revoked_once_and_for_good(store: KeyStore) -> None:
    store.add(KEY, "d1")
    first = store.revoke("k1", NOW)
    assert first is not None
    assert first.revoked_at == NOW
    assert store.revoke("k1", NOW + timedelta(hours=1)) == first
    assert store.exchange({}, MONTH).keys == {"d1": first}
    assert store.revoke("nobody", NOW) is None


def test_the_migrated_tables_are_what_the_module_says(store_url: str) -> None:
    engine = open_store(store_url)
    with engine.begin() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert [one for one in differences if any(table.name in repr(one) for table in (KEYS, USE))] == []


def test_use_is_added_by_month_whoever_tells_it(store_url: str, store: KeyStore) -> None:
    def tell(_: int) -> None:
        teller = KeyStore.at(store_url)
        teller.exchange({("k1", MONTH): Spent(1, 10, 0.25), ("k2", MONTH): Spent(1, 0, 0.0)}, MONTH)
        teller.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(8)))
    store.exchange({("k1", "2026-02"): Spent(1, 1, 1.0)}, MONTH)
    assert store.exchange({}, MONTH).spent == {"k1": Spent(8, 80, 2.0), "k2": Spent(8, 0, 0.0)}
    assert store.exchange({}, "2026-02").spent == {"k1": Spent(1, 1, 1.0)}


def test_the_secret_is_in_no_byte_of_the_store(tmp_path: Path) -> None:
    key_id, secret = new_secret()
    store = KeyStore.at(f"sqlite:///{tmp_path / 'control.db'}")
    store.add(AccessKey(key_id, "", "", "", frozenset({"read"}), NOW), digest_of(secret.encode()))
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store.close()
    assert key_id.encode() in on_disk
    assert secret.encode() not in on_disk
    assert secret.encode()[len("dl_") + len(key_id) :] not in on_disk


def test_a_store_that_can_not_be_reached_says_so_without_its_address() -> None:
    with pytest.raises(StoreAway) as away:
        KeyStore.at("postgresql+psycopg://me:password@127.0.0.1:1/driftloop")
    assert str(away.value) == "OperationalError"
