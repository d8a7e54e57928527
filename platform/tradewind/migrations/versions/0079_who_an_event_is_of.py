"""An event says whether a program or the shop itself made it, and a dead letter all that it needs to be sent anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("outbox", "dead_letter"):
        for flag in ("is_bot", "is_internal"):
            op.add_column(table, sa.Column(flag, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("dead_letter", sa.Column("shopper_id", sa.Uuid()))
    op.add_column("dead_letter", sa.Column("session_id", sa.Uuid()))
    op.add_column("dead_letter", sa.Column("name", sa.Text()))
    op.add_column("dead_letter", sa.Column("consent", ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.create_index(
        "ix_dead_letter_shopper",
        "dead_letter",
        ["tenant_id", "shopper_id"],
        postgresql_where=sa.text("shopper_id IS NOT NULL"),
    )
