"""A request to be forgotten says who made it: staff may for a customer who asked them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("erasure_request", sa.Column("requested_by", sa.Text(), nullable=True))
    op.execute("ALTER TABLE erasure_request NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE erasure_request SET requested_by = 'customer:' || customer_id")
    op.execute("ALTER TABLE erasure_request FORCE ROW LEVEL SECURITY")
    op.alter_column("erasure_request", "requested_by", nullable=False)
