"""Evidence of single calls behind a rollout's step: what scorers flagged, and which of two answers a judge prefers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table services.clients.store.rollouts.CALLS."""
    op.create_table(
        "rollout_calls",
        sa.Column("call_id", sa.String(256), primary_key=True),
        sa.Column("app", sa.String(256), nullable=False, index=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("rollout_calls")
