"""Fixtures of the whole suite, and the rule that only marked tests may touch the real parts."""

import logging
from collections.abc import Iterator

import hypothesis
import pytest

pytest_plugins = [
    "tests.fixtures.leftovers",
    "tests.fixtures.broker",
    "tests.fixtures.warehouse",
    "tests.fixtures.store",
    "tests.fixtures.tiny_model",
    "tests.fixtures.tiny_writer",
]

# Machines are shared: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("driftloop", deadline=None)
hypothesis.settings.load_profile("driftloop")

_GUARDED = {
    "broker": "services.clients.bus.connection.client_options",
    "warehouse": "services.clients.warehouse.client.Warehouse.connect",
}


@pytest.fixture(autouse=True)
def _real_parts_need_a_marker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that reaches for broker or warehouse without saying so by its marker."""
    marks = {mark.name for mark in request.node.iter_markers()}
    for marker, entry in _GUARDED.items():
        if marker in marks or "e2e" in marks:
            continue

        def refuse(*_: object, marker: str = marker, **__: object) -> None:
            pytest.fail(f"this test touches the {marker}: mark it with @pytest.mark.{marker}")

        monkeypatch.setattr(entry, refuse)


@pytest.fixture(autouse=True)
def _logging_is_left_as_it_was() -> Iterator[None]:
    """A test that sets up a process's log must not decide what the next one sees of its own."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
