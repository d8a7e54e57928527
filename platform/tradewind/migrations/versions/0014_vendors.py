"""Vendors, their part of an order, commission and payouts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _vendor()
    _part_of_an_order()
    _payouts()
    for table in ("product", "order_line", "api_key"):
        op.add_column(table, sa.Column("vendor_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_tenant_id_vendor_id"),
            table,
            "vendor",
            ["tenant_id", "vendor_id"],
            ["tenant_id", "id"],
        )
    op.create_index(
        "ix_product_vendor", "product", ["tenant_id", "vendor_id"], postgresql_where=sa.text("vendor_id IS NOT NULL")
    )
    own_by_tenant("vendor", "vendor_order")
    own_by_tenant("vendor_payout", "vendor_payout_line", append_only=True)
    for table in ("vendor_payout", "vendor_payout_line"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _vendor() -> None:
    op.create_table(
        "vendor",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("commission_rate", sa.Numeric(9, 8), server_default="0", nullable=False),
        sa.Column("commission_fee", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        *owned("vendor"),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("ck_vendor_status")),
        sa.CheckConstraint(
            "commission_rate >= 0 AND commission_rate < 1 AND commission_fee >= 0", name=op.f("ck_vendor_commission")
        ),
    )
    op.create_index("uq_vendor_code", "vendor", ["tenant_id", "code"], unique=True)


def _part_of_an_order() -> None:
    op.create_table(
        "vendor_order",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("commission_rate", sa.Numeric(9, 8), nullable=False),
        sa.Column("commission_fee", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in ("earned", "commission")),
        sa.Column("paid_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("placed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        *owned("vendor_order"),
        belongs("vendor_order", "orders", "order_id"),
        belongs("vendor_order", "vendor", "vendor_id"),
        sa.CheckConstraint("earned >= 0 AND commission >= 0", name=op.f("ck_vendor_order_earned")),
    )
    op.create_index("uq_vendor_order_order", "vendor_order", ["tenant_id", "order_id", "vendor_id"], unique=True)
    op.create_index("ix_vendor_order_vendor", "vendor_order", ["tenant_id", "vendor_id", "id"])


def _payouts() -> None:
    op.create_table(
        "vendor_payout",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        *owned("vendor_payout"),
        belongs("vendor_payout", "vendor", "vendor_id"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_vendor_payout_amount")),
    )
    op.create_index("ix_vendor_payout_vendor", "vendor_payout", ["tenant_id", "vendor_id", "id"])
    op.create_table(
        "vendor_payout_line",
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_order_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        *owned("vendor_payout_line"),
        belongs("vendor_payout_line", "vendor_payout", "payout_id"),
        belongs("vendor_payout_line", "vendor_order", "vendor_order_id"),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_vendor_payout_line_amount")),
    )
    op.create_index("ix_vendor_payout_line_payout", "vendor_payout_line", ["tenant_id", "payout_id"])
    op.create_index("ix_vendor_payout_line_order", "vendor_payout_line", ["tenant_id", "vendor_order_id"])
