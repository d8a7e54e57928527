"""Changes to placed orders: a ledger of actions, whose preview is what is confirmed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("orders", sa.Column("delivery_note", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", _json("tax_terms", nullable=True))
    _changes()
    _carriers()
    _returns()


def _carriers() -> None:
    op.drop_constraint("ck_fulfilment_status", "fulfilment")
    op.create_check_constraint(
        op.f("ck_fulfilment_status"),
        "fulfilment",
        "status IN ('shipped', 'in_transit', 'out_for_delivery', 'failed_attempt', 'returned_to_sender', 'delivered')",
    )
    op.create_index("ix_order_line_sku", "order_line", ["tenant_id", "sku"])
    op.create_index(
        "ix_fulfilment_tracking",
        "fulfilment",
        ["tenant_id", "tracking_number"],
        postgresql_where=sa.text("tracking_number IS NOT NULL"),
    )
    op.create_table(
        "carrier_account",
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        *owned("carrier_account"),
    )
    op.create_index("uq_carrier_account", "carrier_account", ["tenant_id", "carrier"], unique=True)
    op.create_table(
        "carrier_event",
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("fulfilment_id", sa.Uuid(), nullable=True),
        _instant("received_at"),
        *owned("carrier_event"),
        belongs("carrier_event", "fulfilment", "fulfilment_id"),
        sa.CheckConstraint(
            "status IN ('in_transit', 'out_for_delivery', 'failed_attempt', 'returned_to_sender', 'delivered')",
            name=op.f("ck_carrier_event_status"),
        ),
    )
    op.create_index("uq_carrier_event", "carrier_event", ["tenant_id", "carrier", "event_id"], unique=True)
    op.create_index(
        "ix_carrier_event_unmatched",
        "carrier_event",
        ["tenant_id", "tracking_number"],
        postgresql_where=sa.text("fulfilment_id IS NULL"),
    )
    op.create_index("ix_carrier_event_fulfilment", "carrier_event", ["tenant_id", "fulfilment_id"])
    own_by_tenant("carrier_account", "carrier_event")


def _changes() -> None:
    op.create_table(
        "order_change",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kept_back", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("return_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        _json("preview"),
        _instant("created_at"),
        _instant("updated_at"),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        *owned("order_change"),
        belongs("order_change", "orders", "order_id"),
        belongs("order_change", "order_return", "return_id"),
        sa.CheckConstraint("kind IN ('edit', 'exchange')", name=op.f("ck_order_change_kind")),
        sa.CheckConstraint("(kind = 'exchange') = (return_id IS NOT NULL)", name=op.f("ck_order_change_return")),
        sa.CheckConstraint(
            "status IN ('draft', 'approved', 'awaiting_payment', 'confirmed', 'cancelled')",
            name=op.f("ck_order_change_status"),
        ),
        sa.CheckConstraint("asked >= 0", name=op.f("ck_order_change_asked")),
        sa.CheckConstraint(
            "kept_back >= 0 AND (kept_back = 0 OR status = 'awaiting_payment')", name=op.f("ck_order_change_kept_back")
        ),
    )
    op.create_index("uq_order_change_return", "order_change", ["tenant_id", "return_id"], unique=True)
    op.create_index("ix_order_change_order", "order_change", ["tenant_id", "order_id", "id"])
    op.create_index(
        "ix_order_change_expiry",
        "order_change",
        ["tenant_id", "expires_at"],
        postgresql_where=sa.text("status = 'awaiting_payment'"),
    )
    op.create_table(
        "order_change_action",
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        _json("data", default="'{}'"),
        *owned("order_change_action"),
        belongs("order_change_action", "order_change", "change_id"),
        sa.CheckConstraint(
            "kind IN ('add', 'remove', 'address', 'delivery_note')", name=op.f("ck_order_change_action_kind")
        ),
        sa.CheckConstraint(
            "CASE WHEN kind IN ('add', 'remove') THEN line_id IS NOT NULL AND quantity > 0 "
            "ELSE line_id IS NULL AND quantity IS NULL END",
            name=op.f("ck_order_change_action_units"),
        ),
    )
    op.create_index("ix_order_change_action_change", "order_change_action", ["tenant_id", "change_id", "id"])
    own_by_tenant("order_change")
    own_by_tenant("order_change_action", append_only=True)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_change_action "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.add_column("order_line", sa.Column("change_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_order_line_tenant_id_change_id"),
        "order_line",
        "order_change",
        ["tenant_id", "change_id"],
        ["tenant_id", "id"],
    )


def _returns() -> None:
    op.create_table(
        "order_rules",
        sa.Column("return_days", sa.BigInteger(), nullable=True),
        sa.Column("cancel_minutes", sa.BigInteger(), nullable=True),
        *owned("order_rules"),
        sa.CheckConstraint("return_days >= 0 AND cancel_minutes >= 0", name=op.f("ck_order_rules_not_negative")),
    )
    op.create_index("uq_order_rules", "order_rules", ["tenant_id"], unique=True)
    op.create_table(
        "return_photo",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        _instant("created_at"),
        *owned("return_photo"),
        belongs("return_photo", "order_return", "return_id"),
    )
    op.create_index("ix_return_photo_return", "return_photo", ["tenant_id", "return_id"])
    op.create_table(
        "return_inspection",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("restocked", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        *owned("return_inspection"),
        belongs("return_inspection", "order_return", "return_id"),
        belongs("return_inspection", "order_line", "order_line_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_return_inspection_quantity")),
        sa.CheckConstraint(
            "condition IN ('as_new', 'opened', 'used', 'damaged', 'defective', 'incomplete')",
            name=op.f("ck_return_inspection_condition"),
        ),
    )
    op.create_index("ix_return_inspection_return", "return_inspection", ["tenant_id", "return_id"])
    own_by_tenant("order_rules")
    own_by_tenant("return_photo", "return_inspection", append_only=True)
    for table in ("return_photo", "return_inspection"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.create_table(
        "throttle_bucket",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        _instant("updated_at"),
        *owned("throttle_bucket"),
    )
    op.create_index("uq_throttle_bucket_subject", "throttle_bucket", ["tenant_id", "subject"], unique=True)
    op.create_index("ix_throttle_bucket_updated", "throttle_bucket", ["tenant_id", "updated_at"])
    own_by_tenant("throttle_bucket")


def _json(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(
        name,
        postgresql.JSONB(astext_type=sa.Text()),
        server_default=sa.text(default) if default else None,
        nullable=nullable,
    )


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)
