"""The engine: a few handles on one chDB path, each used by one thread at a time.

chDB lets go of the interpreter lock while it works and its handles run side by side (seen: two
one-thread scans in the time of one), so requests only queue for a handle. One process owns the path.
"""

import json
import queue
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from services.embedded.warehouse.statement import Statement

HANDLES = 4
_CODE = re.compile(r"Code: (\d+)")
# Bounds of the whole engine, sized for a laptop that also trains a model.
_ENGINE_OPTIONS = {
    "max_server_memory_usage": 1_500_000_000,
    "mark_cache_size": 64 * 1024 * 1024,
    "max_thread_pool_size": 64,
}
_HANDLE_SETTINGS = {"max_memory_usage": 1_000_000_000, "max_result_bytes": 512 * 1024 * 1024}


class EngineRefused(Exception):
    """The engine answered with an error; `code` is ClickHouse's."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = _CODE.search(message)
        self.code = int(found[1]) if found else 1002


class EngineTaken(Exception):
    """The path can't be opened, most likely because another process has it open."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: its bytes, and rows read or, for an insert, written."""

    body: bytes
    rows: int
    seconds: float


class Engine:
    """ClickHouse in this process.

    Safe for use by many threads; at most HANDLES statements run at once, the others wait.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._scratch = tempfile.TemporaryDirectory(dir=path, prefix="incoming-")
        options = "&".join(f"{name}={value}" for name, value in _ENGINE_OPTIONS.items())
        self._handles: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            for _ in range(HANDLES):
                handle = chdb.connect(f"{path / 'engine'}?{options}")
                for name, value in _HANDLE_SETTINGS.items():
                    handle.query(f"SET {name} = {value}")
                self._handles.put(handle)
        except RuntimeError as error:
            raise EngineTaken(f"{path}: {error}") from error

    def run(self, statement: Statement) -> Answer:
        """Do what a statement says.

        Raises:
            EngineRefused: It can't be done; an insert has stored nothing.
        """
        with self._handle(statement) as handle:
            return self._insert(handle, statement) if statement.payload is not None else _query(handle, statement)

    def close(self) -> None:
        """Wait for running statements, then let go of the path."""
        for _ in range(HANDLES):
            self._handles.get().close()
        self._scratch.cleanup()

    @contextmanager
    def _handle(self, statement: Statement) -> Iterator[Any]:
        handle = self._handles.get()
        changed: list[str] = []
        try:
            _execute(handle, f"USE {_identifier(statement.database)}")
            for name, value in statement.settings.items():
                _execute(handle, f"SET {name} = {_literal(value)}")
                changed.append(name)
            yield handle
        finally:
            try:
                for name in changed:
                    _execute(handle, f"SET {name} = {_HANDLE_SETTINGS.get(name, 'DEFAULT')}")
            finally:
                self._handles.put(handle)

    def _insert(self, handle: Any, statement: Statement) -> Answer:
        with tempfile.NamedTemporaryFile(dir=self._scratch.name, suffix=".payload") as file:
            file.write(statement.payload or b"")
            file.flush()
            sql = f"{statement.sql} FROM INFILE {_literal(file.name)} FORMAT {statement.format}"
            return _execute(handle, sql)


def _query(handle: Any, statement: Statement) -> Answer:
    answer = _execute(handle, statement.sql, statement.format, dict(statement.parameters))
    if statement.format == "Native" and not answer.body and statement.reads:
        return Answer(_header_block(handle, statement), answer.rows, answer.seconds)
    return answer


def _header_block(handle: Any, statement: Statement) -> bytes:
    """Return a Native block without rows: a server sends one, chDB sends nothing and the columns are lost."""
    sql = f"DESCRIBE ({statement.without_format})"
    try:
        described = _execute(handle, sql, "JSONCompactEachRow", dict(statement.parameters))
    except EngineRefused:  # SHOW and the like can't be described
        return b""
    columns = [json.loads(line)[:2] for line in described.body.splitlines()]
    return _varint(len(columns)) + _varint(0) + b"".join(_text(name) + _text(type_) for name, type_ in columns)


def _execute(handle: Any, sql: str, format_: str = "TabSeparated", parameters: dict[str, str] | None = None) -> Answer:
    try:
        result = handle.query(sql, format_, params=parameters or {})
    except RuntimeError as error:
        raise EngineRefused(str(error)) from error
    return Answer(result.bytes() or b"", int(result.rows_read()), float(result.elapsed()))


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _varint(number: int) -> bytes:
    """LEB128, as the Native format counts."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _text(text: str) -> bytes:
    return _varint(len(text.encode())) + text.encode()
