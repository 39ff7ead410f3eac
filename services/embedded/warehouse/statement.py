"""From an HTTP request, as ClickHouse defines it, to what the engine is to do. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# Settings of the transport; the engine knows nothing of them or must not obey them.
_TRANSPORT = frozenset(
    {
        "database",
        "query",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "quota_key",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "client_protocol_version",
        "role",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "enable_http_compression",
        "cancel_http_readonly_queries_on_client_close",
        "default_format",
        "user",
        "password",
    }
)
_SETTING_NAME = re.compile(r"^[A-Za-z_]\w*$")
_INSERT = re.compile(
    rb"^\s*(?P<head>INSERT\s+INTO\s+(?:TABLE\s+)?[^\s(]+\s*(?:\([^)]*\))?)"
    rb"\s*FORMAT\s+(?P<format>\w+)[ \t;]*(?:\r?\n|$)",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_READS = re.compile(r"^[\s(]*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN|CHECK)\b", re.IGNORECASE)


class BadStatement(ValueError):
    """The request holds no statement, or one that is not text."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What the engine is to do.

    Attributes:
        sql: For an insert with a payload, the part before FORMAT.
        database: Where unqualified names live.
        format: Of the payload or of the answer.
        payload: Rows of an insert; None for any other statement.
        settings: Of the engine, for this statement only.
        parameters: Values of `{name:Type}`.
    """

    sql: str
    database: str = "default"
    format: str = "TabSeparated"
    payload: bytes | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> bool:
        """Whether it has a result, be it empty."""
        return _READS.match(self.sql) is not None

    @property
    def without_format(self) -> str:
        """The query alone."""
        return _FORMAT.sub("", self.sql).rstrip().rstrip(";")


def statement_in(arguments: Mapping[str, str], body: bytes) -> Statement:
    """Return the statement in a request.

    ClickHouse joins the `query` argument and the body; rows of an insert follow the line of its FORMAT.

    Args:
        arguments: URL parameters and form fields.
        body: Decompressed; empty when a form held the query.

    Raises:
        BadStatement: See there.
    """
    head = arguments.get("query", "").encode()
    whole = head + b"\n" + body if head else body
    if not whole.strip():
        raise BadStatement("empty query")
    database = arguments.get("database", "default")
    settings = {k: v for k, v in arguments.items() if _is_setting(k)}
    parameters = {k.removeprefix("param_"): v for k, v in arguments.items() if k.startswith("param_")}
    insert = _INSERT.match(whole)
    try:
        if insert and insert["format"].lower() != b"values":
            payload = whole[insert.end() :]
            return Statement(
                insert["head"].decode(), database, insert["format"].decode(), payload, settings, parameters
            )
        sql = whole.decode()
    except UnicodeDecodeError as error:
        raise BadStatement("the query is not UTF-8") from error
    named = _FORMAT.search(sql)
    format_ = named[1] if named else arguments.get("default_format", "TabSeparated")
    return Statement(sql, database, format_, None, settings, parameters)


def _is_setting(name: str) -> bool:
    return name not in _TRANSPORT and not name.startswith("param_") and _SETTING_NAME.match(name) is not None
