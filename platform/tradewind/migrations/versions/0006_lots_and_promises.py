"""Lots, promised dates, bundles, and stock on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _promises()
    _lots()
    _warehouses()
    _bundles()
    _transfers()


def _promises() -> None:
    op.add_column("stock", _units("kept_back"))
    op.create_check_constraint(op.f("ck_stock_kept_back"), "stock", "kept_back >= 0")
    op.drop_index("ix_stock_sold_out", "stock")
    op.create_index(
        "ix_stock_sold_out", "stock", ["tenant_id", "variant_id"], postgresql_where=sa.text("available <= kept_back")
    )
    op.create_table(
        "stock_policy",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        _units("safety_stock"),
        _units("backorder_limit"),
        _units("promised"),
        _units("lead_days"),
        sa.Column("available_from", sa.Date(), nullable=True),
        *owned("stock_policy"),
        belongs("stock_policy", "variant", "variant_id"),
        sa.CheckConstraint("safety_stock >= 0 AND backorder_limit >= 0", name=op.f("ck_stock_policy_not_negative")),
        sa.CheckConstraint("promised >= 0", name=op.f("ck_stock_policy_promised")),
        sa.CheckConstraint("lead_days >= 0", name=op.f("ck_stock_policy_lead_days")),
    )
    op.create_index("uq_stock_policy_variant", "stock_policy", ["tenant_id", "variant_id"], unique=True)
    op.create_table(
        "promise",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        _units("allocated"),
        _units("released"),
        sa.Column("status", sa.Text(), server_default="held", nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        _instant("created_at"),
        *owned("promise"),
        belongs("promise", "variant", "variant_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_promise_quantity")),
        sa.CheckConstraint("status IN ('held', 'claimed', 'released')", name=op.f("ck_promise_status")),
        sa.CheckConstraint(
            "allocated >= 0 AND released >= 0 AND allocated + released <= quantity", name=op.f("ck_promise_spent")
        ),
        sa.CheckConstraint("(status = 'claimed') = (order_id IS NOT NULL)", name=op.f("ck_promise_order")),
        sa.CheckConstraint(
            "status <> 'released' OR allocated + released = quantity", name=op.f("ck_promise_nothing_left")
        ),
    )
    op.create_index("ix_promise_holder", "promise", ["tenant_id", "holder_id"])
    op.create_index(
        "ix_promise_order", "promise", ["tenant_id", "order_id"], postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.create_index(
        "ix_promise_expiry", "promise", ["tenant_id", "expires_at"], postgresql_where=sa.text("status = 'held'")
    )
    op.create_index(
        "ix_promise_open",
        "promise",
        ["tenant_id", "variant_id", "id"],
        postgresql_where=sa.text("allocated + released < quantity"),
    )
    own_by_tenant("stock_policy", "promise")
    op.add_column("order_line", sa.Column("promised_on", sa.Date(), nullable=True))


def _lots() -> None:
    op.create_table(
        "stock_lot",
        sa.Column("stock_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        *(_units(name) for name in ("received", "available", "reserved", "sold", "written_off")),
        *owned("stock_lot"),
        belongs("stock_lot", "stock", "stock_id"),
        sa.CheckConstraint(
            "available >= 0 AND reserved >= 0 AND sold >= 0 AND written_off >= 0",
            name=op.f("ck_stock_lot_not_negative"),
        ),
        sa.CheckConstraint("received = available + reserved + sold + written_off", name=op.f("ck_stock_lot_balance")),
    )
    op.create_index("uq_stock_lot_code", "stock_lot", ["tenant_id", "stock_id", "code"], unique=True)
    op.create_index(
        "ix_stock_lot_expiry",
        "stock_lot",
        ["tenant_id", "expires_on"],
        postgresql_where=sa.text("available > 0 OR reserved > 0"),
    )
    own_by_tenant("stock_lot")
    op.add_column("stock", sa.Column("lotted", sa.Boolean(), server_default="false", nullable=False))
    for table in ("reservation", "stock_movement"):
        op.add_column(table, sa.Column("lot_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_tenant_id_lot_id"),
            table,
            "stock_lot",
            ["tenant_id", "lot_id"],
            ["tenant_id", "id"],
        )
        op.create_index(
            f"ix_{table}_lot", table, ["tenant_id", "lot_id"], postgresql_where=sa.text("lot_id IS NOT NULL")
        )


def _warehouses() -> None:
    op.add_column("warehouse", sa.Column("country", sa.Text(), nullable=True))
    op.add_column("warehouse", sa.Column("region", sa.Text(), nullable=True))
    op.add_column("warehouse", _units("priority"))
    op.add_column("warehouse", sa.Column("active", sa.Boolean(), server_default="true", nullable=False))
    op.create_table(
        "allocation_policy",
        sa.Column("rule", sa.Text(), nullable=False),
        *owned("allocation_policy"),
        sa.CheckConstraint(
            "rule IN ('fewest_parcels', 'nearest', 'oldest_lot')", name=op.f("ck_allocation_policy_rule")
        ),
    )
    op.create_index("uq_allocation_policy", "allocation_policy", ["tenant_id"], unique=True)
    own_by_tenant("allocation_policy")
    op.create_index(
        "ix_stock_movement_parcel",
        "stock_movement",
        ["tenant_id", "reference_id"],
        postgresql_where=sa.text("kind = 'sell'"),
    )


def _bundles() -> None:
    op.add_column("variant", sa.Column("bundle", sa.Boolean(), server_default="false", nullable=False))
    op.create_table(
        "bundle_component",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("component_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        *owned("bundle_component"),
        belongs("bundle_component", "variant", "variant_id"),
        belongs("bundle_component", "variant", "component_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_bundle_component_quantity")),
        sa.CheckConstraint("component_id <> variant_id", name=op.f("ck_bundle_component_not_itself")),
    )
    op.create_index("uq_bundle_component", "bundle_component", ["tenant_id", "variant_id", "component_id"], unique=True)
    op.create_index("ix_bundle_component_component", "bundle_component", ["tenant_id", "component_id"])
    own_by_tenant("bundle_component")
    op.add_column("order_line", sa.Column("components", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def _transfers() -> None:
    op.create_table(
        "stock_transfer",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        _instant("sent_at"),
        *owned("stock_transfer"),
        belongs("stock_transfer", "variant", "variant_id"),
        belongs("stock_transfer", "warehouse", "source_id"),
        belongs("stock_transfer", "warehouse", "destination_id"),
        sa.CheckConstraint("source_id <> destination_id", name=op.f("ck_stock_transfer_elsewhere")),
    )
    op.create_index("ix_stock_transfer_variant", "stock_transfer", ["tenant_id", "variant_id", "id"])
    op.create_table(
        "stock_transfer_part",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("lot", sa.Text(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        _units("received"),
        _units("lost"),
        *owned("stock_transfer_part"),
        belongs("stock_transfer_part", "stock_transfer", "transfer_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_transfer_part_quantity")),
        sa.CheckConstraint(
            "received >= 0 AND lost >= 0 AND received + lost <= quantity", name=op.f("ck_stock_transfer_part_arrived")
        ),
    )
    op.create_index(
        "uq_stock_transfer_part",
        "stock_transfer_part",
        ["tenant_id", "transfer_id", "lot"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    own_by_tenant("stock_transfer", "stock_transfer_part")


def _units(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)
