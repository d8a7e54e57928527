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
    _windows()


def _taxes() -> None:
    op.add_column("tax_policy", sa.Column("oss", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("tax_policy", sa.Column("ioss_limit", sa.BigInteger(), nullable=True))
    op.add_column("tax_policy", sa.Column("vat_id", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_tax_policy_ioss_limit"), "tax_policy", "ioss_limit > 0")
    op.add_column(
        "tax_rate",
        sa.Column("postal_prefixes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("tax_policy", sa.Column("engine", sa.Text(), server_default="table", nullable=False))
    op.add_column("tax_policy", _kept("engine_codes", "{}"))
    op.add_column("cart", _json("tax_quote"))
    op.add_column("orders", _kept("tax_engine", '{"name": "table"}'))
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


def _windows() -> None:
    op.add_column("delivery_method", _json("place"))
    op.add_column("cart", _json("delivery_slot"))
    op.create_table(
        "delivery_calendar",
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("working_days", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("cutoff", sa.Time(), nullable=True),
        sa.Column("holidays", postgresql.ARRAY(sa.Date()), server_default=sa.text("'{}'"), nullable=False),
        *owned("delivery_calendar"),
        sa.CheckConstraint("cardinality(working_days) > 0", name=op.f("ck_delivery_calendar_working_days")),
    )
    op.create_index("uq_delivery_calendar", "delivery_calendar", ["tenant_id"], unique=True)
    op.create_table(
        "delivery_slot",
        sa.Column("method_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.BigInteger(), nullable=False),
        sa.Column("begins", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("cutoff_minutes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        *owned("delivery_slot"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "method_id"],
            ["delivery_method.tenant_id", "delivery_method.id"],
            name=op.f("fk_delivery_slot_tenant_id_method_id"),
        ),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_delivery_slot_weekday")),
        sa.CheckConstraint("ends > begins", name=op.f("ck_delivery_slot_hours")),
        sa.CheckConstraint("capacity >= 0 AND cutoff_minutes >= 0", name=op.f("ck_delivery_slot_capacity")),
    )
    op.create_index(
        "uq_delivery_slot_window",
        "delivery_slot",
        ["tenant_id", "method_id", "weekday", "begins", "ends"],
        unique=True,
    )
    op.create_table(
        "delivery_day",
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        *owned("delivery_day"),
        _of_slot("delivery_day"),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name=op.f("ck_delivery_day_taken")),
    )
    op.create_index("uq_delivery_day", "delivery_day", ["tenant_id", "slot_id", "day"], unique=True)
    op.create_table(
        "delivery_booking",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        *owned("delivery_booking"),
        _of_slot("delivery_booking"),
    )
    op.create_index("ix_delivery_booking_order", "delivery_booking", ["tenant_id", "order_id"])
    op.create_index("ix_delivery_booking_day", "delivery_booking", ["tenant_id", "slot_id", "day"])
    own_by_tenant("delivery_calendar", "delivery_slot", "delivery_day", "delivery_booking")


def _of_slot(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "slot_id"],
        ["delivery_slot.tenant_id", "delivery_slot.id"],
        name=op.f(f"fk_{table}_tenant_id_slot_id"),
    )


def _minor(name: str, *, server_default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=server_default, nullable=False)


def _kept(name: str, default: str) -> sa.Column[object]:
    return sa.Column(
        name, postgresql.JSONB(astext_type=sa.Text()), server_default=sa.literal(default, sa.Text()), nullable=False
    )


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), nullable=True)
