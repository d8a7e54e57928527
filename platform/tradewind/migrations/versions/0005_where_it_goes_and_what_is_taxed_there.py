"""Delivery methods, tax rates, and where carts and orders go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery_method",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="ship", nullable=False),
        sa.Column("countries", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("free_from", sa.BigInteger(), nullable=True),
        sa.Column("min_days", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("max_days", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tax_class", sa.Text(), server_default="standard", nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        *owned("delivery_method"),
        sa.CheckConstraint("kind IN ('ship', 'collect')", name=op.f("ck_delivery_method_kind")),
        sa.CheckConstraint("price >= 0 AND free_from >= 0", name=op.f("ck_delivery_method_price")),
        sa.CheckConstraint("min_days >= 0 AND max_days >= min_days", name=op.f("ck_delivery_method_days")),
    )
    op.create_index("uq_delivery_method_code", "delivery_method", ["tenant_id", "code"], unique=True)
    op.create_table(
        "tax_policy",
        sa.Column("included", sa.Boolean(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        *owned("tax_policy"),
    )
    op.create_index("uq_tax_policy", "tax_policy", ["tenant_id"], unique=True)
    op.create_table(
        "tax_rate",
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("tax_class", sa.Text(), server_default="standard", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(9, 8), nullable=False),
        sa.Column("compound", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("applies", sa.Text(), server_default="always", nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        *owned("tax_rate"),
        sa.CheckConstraint("rate >= 0 AND rate < 1", name=op.f("ck_tax_rate_rate")),
        sa.CheckConstraint(
            "applies IN ('always', 'within_region', 'across_regions')", name=op.f("ck_tax_rate_applies")
        ),
    )
    op.create_index("ix_tax_rate_destination", "tax_rate", ["tenant_id", "country", "position"])
    own_by_tenant("delivery_method", "tax_policy", "tax_rate")

    op.add_column("product", sa.Column("tax_class", sa.Text(), server_default="standard", nullable=False))
    op.add_column("cart", sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("cart", sa.Column("delivery_code", sa.Text(), nullable=True))
    op.add_column("orders", sa.Column("tax_included", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("orders", sa.Column("shipping_tax", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "orders",
        sa.Column("taxes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("orders", sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("orders", sa.Column("delivery", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("order_line", sa.Column("tax", sa.BigInteger(), server_default="0", nullable=False))
    op.drop_constraint("ck_orders_total", "orders")
    op.create_check_constraint(
        op.f("ck_orders_total"),
        "orders",
        "total = subtotal - discount + shipping + CASE WHEN tax_included THEN 0 ELSE tax END",
    )
