"""Every change of a price, and for how long everybody paid the same."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "price_change",
        *owned("price_change"),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=False),
        _of_variant("price_change"),
    )
    op.create_index("ix_price_change_variant", "price_change", ["tenant_id", "variant_id", "id"])
    op.create_table(
        "price_period",
        *owned("price_period"),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("compare_at", sa.BigInteger(), nullable=True),
        sa.Column("reduced_since", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lowest_before", sa.BigInteger(), nullable=True),
        _of_variant("price_period"),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_price_period_window")),
        sa.CheckConstraint("(compare_at IS NULL) = (reduced_since IS NULL)", name=op.f("ck_price_period_reduced")),
    )
    op.create_index(
        "uq_price_period_start", "price_period", ["tenant_id", "variant_id", "currency", "starts_at"], unique=True
    )
    own_by_tenant("price_change", append_only=True)
    own_by_tenant("price_period")


def _of_variant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "variant_id"],
        ["variant.tenant_id", "variant.id"],
        name=op.f(f"fk_{table}_tenant_id_variant_id"),
        ondelete="CASCADE",
    )
