"""Products that staff put beside others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product_link",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "product_id", "kind", "other_id", name=op.f("pk_product_link")),
        belongs("product_link", "product", "product_id"),
        belongs("product_link", "product", "other_id"),
        sa.CheckConstraint("kind IN ('related', 'up_sell', 'cross_sell')", name=op.f("ck_product_link_kind")),
        sa.CheckConstraint("product_id <> other_id", name=op.f("ck_product_link_other")),
    )
    op.create_index("ix_product_link_other", "product_link", ["tenant_id", "other_id"])
    own_by_tenant("product_link")
