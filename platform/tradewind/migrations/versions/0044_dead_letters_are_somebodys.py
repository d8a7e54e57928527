"""A dead letter says whose browser sent it, so that it goes with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dead_letter", sa.Column("visitor_id", sa.Uuid()))
    op.create_index(
        "ix_dead_letter_visitor",
        "dead_letter",
        ["tenant_id", "visitor_id"],
        postgresql_where=sa.text("visitor_id IS NOT NULL"),
    )
