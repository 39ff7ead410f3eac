"""Where each app's rollouts stand, the changes still to be told, and the evidence of the current step."""

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table

from services.clients.store.columns import METADATA, Instant

ROLLOUTS = Table(
    "rollouts",
    METADATA,
    Column("app", String(256), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
CHANGES = Table(
    "rollout_changes",
    METADATA,
    Column("app", String(256), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("confirmed", Boolean, nullable=False),
)
INPUTS = Table(
    "rollout_inputs",
    METADATA,
    Column("event_id", String(256), primary_key=True),
    Column("handled_at", Instant, nullable=False),
)
WINDOWS = Table(
    "rollout_windows",
    METADATA,
    Column("partial_id", String(256), primary_key=True),
    Column("app", String(256), nullable=False, index=True),
    Column("value", LargeBinary, nullable=False),
)
CALLS = Table(
    "rollout_calls",
    METADATA,
    Column("call_id", String(256), primary_key=True),
    Column("app", String(256), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("value", LargeBinary, nullable=False),
)
