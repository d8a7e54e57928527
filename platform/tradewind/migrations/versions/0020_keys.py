"""A claim of an idempotency key has a number, which says which process made it and whether that process lives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency_key", sa.Column("claim", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("idempotency_key", "claim")
