"""How receivers of alerts fare, and what of the outbox travels together, since when."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table services.clients.store.deliveries.RECEIVERS and two columns of the outbox."""
    op.create_table(
        "receivers",
        sa.Column("subscription", sa.String(256), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.BigInteger, nullable=True),
        sa.Column("due_at", sa.BigInteger, nullable=True),
        sa.Column("told_away", sa.Boolean, nullable=False),
    )
    op.add_column("deliveries", sa.Column("since", sa.BigInteger, nullable=True))
    op.add_column("deliveries", sa.Column("batch", sa.String(256), nullable=False, server_default=""))
    op.execute("UPDATE deliveries SET since = updated_at")


def downgrade() -> None:
    """Drop them again."""
    with op.batch_alter_table("deliveries") as deliveries:
        deliveries.drop_column("batch")
        deliveries.drop_column("since")
    op.drop_table("receivers")
