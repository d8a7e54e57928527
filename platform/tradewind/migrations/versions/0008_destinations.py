"""Several addresses, delivery windows, and who owes which tax."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _taxes()
    _consignments()


def _taxes() -> None:
    op.add_column("tax_policy", sa.Column("oss", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("tax_policy", sa.Column("ioss_limit", sa.BigInteger(), nullable=True))
    op.add_column("tax_policy", sa.Column("vat_id", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_tax_policy_ioss_limit"), "tax_policy", "ioss_limit > 0")
    op.add_column(
        "tax_rate",
        sa.Column("postal_prefixes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("cart", _json("vat_id"))
    op.add_column("orders", sa.Column("rounding", sa.Text(), server_default="half_even_per_line", nullable=False))
    op.add_column("orders", _json("vat_id"))


def _consignments() -> None:
    op.add_column("cart", _json("consignments"))
    op.add_column("orders", _minor("shipping_credited", server_default="0"))
    op.create_check_constraint(
        op.f("ck_orders_shipping_credited"),
        "orders",
        "shipping_credited BETWEEN 0 AND shipping + CASE WHEN tax_included THEN 0 ELSE shipping_tax END",
    )
    op.create_table(
        "order_consignment",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _json("address"),
        _json("delivery"),
        _minor("shipping"),
        _minor("shipping_tax"),
        _minor("shipping_charged"),
        _minor("shipping_credited", server_default="0"),
        _minor("tax"),
        sa.Column("taxes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        *owned("order_consignment"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["orders.tenant_id", "orders.id"],
            name=op.f("fk_order_consignment_tenant_id_order_id"),
        ),
        sa.CheckConstraint(
            "shipping_credited BETWEEN 0 AND shipping_charged", name=op.f("ck_order_consignment_shipping_credited")
        ),
    )
    op.create_index(
        "uq_order_consignment_number", "order_consignment", ["tenant_id", "order_id", "number"], unique=True
    )
    own_by_tenant("order_consignment")
    for table in ("order_line", "fulfilment"):
        op.add_column(table, sa.Column("consignment_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_tenant_id_consignment_id"),
            table,
            "order_consignment",
            ["tenant_id", "consignment_id"],
            ["tenant_id", "id"],
        )


def _minor(name: str, *, server_default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=server_default, nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), nullable=True)
