"""Outbox of alert deliveries, one row for each subscription, alert and state of it; and how its receivers fare."""

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table

from services.clients.store.columns import METADATA, Instant

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("subscription", String(256), primary_key=True),
    Column("alert_id", String(256), primary_key=True),
    Column("alert_state", String(16), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("status", String(16), nullable=False),
    Column("round", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", String(256), nullable=False),
    Column("due_at", Instant, nullable=True, index=True),
    Column("announced", Boolean, nullable=False, index=True),
    Column("updated_at", Instant, nullable=False),
    Column("since", Instant, nullable=True),
    Column("batch", String(256), nullable=False, server_default=""),
)

RECEIVERS = Table(
    "receivers",
    METADATA,
    Column("subscription", String(256), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant, nullable=True),
    Column("due_at", Instant, nullable=True),
    Column("told_away", Boolean, nullable=False),
)
