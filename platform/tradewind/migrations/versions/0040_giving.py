"""What staff give away, written down with who did: what their limits are counted by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "giving",
        *owned("giving"),
        sa.Column("giver", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP(timezone=True), nullable=False),
        belongs("giving", "orders", "order_id"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_giving_amount")),
    )
    op.create_index("ix_giving_giver", "giving", ["tenant_id", "giver", "at"])
    op.create_index(
        "ix_giving_order", "giving", ["tenant_id", "order_id"], postgresql_where=sa.text("order_id IS NOT NULL")
    )
    own_by_tenant("giving", append_only=True)
