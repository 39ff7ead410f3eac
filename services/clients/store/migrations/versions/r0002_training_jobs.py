"""The training service's jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of services.clients.store.training_jobs."""
    op.create_table(
        "training_jobs",
        sa.Column("job_id", sa.String(256), primary_key=True),
        sa.Column("app", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("number", sa.Integer, nullable=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("detail", sa.String(1024), nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("recent_since", sa.BigInteger, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("app", "number", name="training_jobs_number_once"),
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("training_jobs")
