"""A key whose work has been committed says so, in the transaction of that work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency_key", sa.Column("applied", sa.Boolean(), server_default="false", nullable=False))
