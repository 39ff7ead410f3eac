"""The ring follows a real store, and stays as it is while that is away."""

import logging
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from schemas.access import Scope
from schemas.settings import Settings
from services.clients.store.keys import KeyStore
from services.parts.access.admitted import Admitted
from services.parts.access.door import Door
from services.parts.access.ring import EVERY_S, KeyRing
from tests.fixtures.keys import bearer, id_of, make_key
from tests.fixtures.waiting import until

CLOCK = partial(datetime.now, UTC)
INFER: tuple[Scope, ...] = ("infer",)
OPERATE: tuple[Scope, ...] = ("operate",)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path)})


@pytest.fixture
def secret(settings: Settings) -> str:
    return make_key(settings, all_apps=True)


@pytest.fixture
def ring(settings: Settings, secret: str) -> Iterator[KeyRing]:
    ring = KeyRing(KeyStore.at(settings.store_url), CLOCK)
    ring.start()
    yield ring
    ring.close()


def headers(secret: str) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in bearer(secret).items()]


def renamed(settings: Settings, old: str, new: str) -> None:
    connection = sqlite3.connect(settings.data / "control.db")
    connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
    connection.close()


def test_a_store_that_is_away_keeps_the_last_keys_and_what_they_use_is_told_later(
    settings: Settings, secret: str, ring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    registry = CollectorRegistry()
    door = Door(ring, registry, CLOCK)
    with caplog.at_level(logging.INFO):
        renamed(settings, "access_keys", "elsewhere")
        until(lambda: "can't be read, the 1 keys stay as they are" in caplog.text)
        admitted = door.admit(headers(secret), INFER)
        assert isinstance(admitted, Admitted)
        admitted.charge(40, 0.5)
        until(lambda: ring.age_s, lambda age: age > 1.5)
        told = generate_latest(registry).decode()
        renamed(settings, "elsewhere", "access_keys")
        until(lambda: "the keys are read again: 1" in caplog.text)
    assert caplog.text.count("can't be read") == 1
    assert float(told.rpartition("driftloop_access_keys_age_seconds ")[2].split()[0]) > 1.5
    assert until(lambda: ring.meter.unsettled() == {})
    store = KeyStore.at(settings.store_url)
    spent = store.exchange({}, f"{CLOCK():%Y-%m}").spent[id_of(secret)]
    store.close()
    assert (spent.requests, spent.tokens, spent.usd) == (1, 40, 0.5)


def test_two_rings_see_what_the_other_has_let_in(settings: Settings, secret: str, ring: KeyRing) -> None:
    other = KeyRing(KeyStore.at(settings.store_url), CLOCK)
    other.meter.charge(id_of(secret), 7, 0.0)
    other.start()
    other.close()
    until(lambda: ring.meter.spent(id_of(secret), CLOCK()).tokens == 7)


def test_denials_are_counted_by_reason(ring: KeyRing, secret: str) -> None:
    registry = CollectorRegistry()
    door = Door(ring, registry, CLOCK)
    door.admit([], INFER)
    door.admit(headers(secret), OPERATE)
    told = generate_latest(registry).decode()
    assert 'driftloop_access_denied_total{reason="invalid_api_key"} 1.0' in told
    assert 'driftloop_access_denied_total{reason="insufficient_scope"} 1.0' in told


def test_what_is_denied_is_not_counted_as_use(ring: KeyRing, secret: str) -> None:
    Door(ring, CollectorRegistry(), CLOCK).admit(headers(secret), OPERATE)
    assert ring.meter.spent(id_of(secret), CLOCK()).requests == 0


def test_the_store_is_read_twice_in_the_time_in_which_changes_are_promised(settings: Settings, ring: KeyRing) -> None:
    assert EVERY_S <= 2.0 / 2
    late = make_key(settings, all_apps=True)
    until(lambda: ring.find(late.encode()))
