"""Rollouts with their outbox and evidence, and the outbox of alert deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of services.clients.store.rollouts and services.clients.store.deliveries."""
    op.create_table(
        "rollouts",
        sa.Column("app", sa.String(256), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "rollout_changes",
        sa.Column("app", sa.String(256), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "rollout_inputs",
        sa.Column("event_id", sa.String(256), primary_key=True),
        sa.Column("handled_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "rollout_windows",
        sa.Column("partial_id", sa.String(256), primary_key=True),
        sa.Column("app", sa.String(256), nullable=False, index=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    _create_deliveries()


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("subscription", sa.String(256), primary_key=True),
        sa.Column("alert_id", sa.String(256), primary_key=True),
        sa.Column("alert_state", sa.String(16), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.String(256), nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=True, index=True),
        sa.Column("announced", sa.Boolean, nullable=False, index=True),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop them again."""
    for table in ("deliveries", "rollout_windows", "rollout_inputs", "rollout_changes", "rollouts"):
        op.drop_table(table)
