"""Dead letters that were sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of services.clients.store.replays."""
    op.create_table(
        "dead_letter_replays",
        sa.Column("topic_id", sa.String(64), primary_key=True),
        sa.Column("letter_id", sa.String(512), primary_key=True),
        sa.Column("replayed_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("dead_letter_replays")
