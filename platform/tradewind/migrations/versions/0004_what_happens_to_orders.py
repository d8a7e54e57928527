"""What happens to an order after it is placed: parcels, cancellations, returns, refunds, and its timeline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATUSES = (
    "pending",
    "confirmed",
    "processing",
    "shipped",
    "out_for_delivery",
    "delivered",
    "cancelled",
    "returned",
    "refunded",
)
PAYMENT_STATES = ("pending", "authorised", "paid", "partially_refunded", "refunded", "voided")
FULFILMENT_STATES = ("unfulfilled", "partially_fulfilled", "shipped", "out_for_delivery", "delivered", "cancelled")
RETURN_STATES = ("none", "in_progress", "partially_returned", "returned")
PAYMENTS = ("started", "authorised", "capturing", "captured", "voiding", "voided", "refused", "cancelled")
MOVEMENTS = ("receive", "reserve", "release", "sell", "write_off", "transfer_in", "transfer_out", "take_back")
CHANGED = ("orders", "order_line", "payment", "reservation")


def upgrade() -> None:
    _columns()
    _tables()
    _what_there_was()
    _constraints()


def _columns() -> None:
    for name, default in (
        ("payment_state", "authorised"),
        ("fulfilment_state", "unfulfilled"),
        ("return_state", "none"),
    ):
        op.add_column("orders", sa.Column(name, sa.Text(), server_default=default, nullable=False))
    op.add_column("orders", _units("credited"))
    for name in ("fulfilled", "cancelled", "in_return", "returned", "credited"):
        op.add_column("order_line", _units(name))
    op.add_column("payment", _units("refunded"))
    op.add_column("reservation", sa.Column("order_id", sa.Uuid(), nullable=True))
    op.add_column("reservation", _units("sold"))
    op.add_column("reservation", _units("released"))


def _tables() -> None:
    op.create_table(
        "refund",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="started", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("provider_reference", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        _instant("created_at"),
        _instant("updated_at"),
        *owned("refund"),
        belongs("refund", "payment", "payment_id"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount")),
        sa.CheckConstraint("status IN ('started', 'succeeded', 'failed')", name=op.f("ck_refund_status")),
    )
    op.create_index("ix_refund_order", "refund", ["tenant_id", "order_id"])
    op.create_index(
        "ix_refund_unfinished", "refund", ["tenant_id", "updated_at"], postgresql_where=sa.text("status = 'started'")
    )
    op.create_table(
        "fulfilment",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="shipped", nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        _instant("shipped_at"),
        sa.Column("delivered_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        *owned("fulfilment"),
        belongs("fulfilment", "orders", "order_id"),
        sa.CheckConstraint("status IN ('shipped', 'out_for_delivery', 'delivered')", name=op.f("ck_fulfilment_status")),
    )
    op.create_index("ix_fulfilment_order", "fulfilment", ["tenant_id", "order_id"])
    op.create_table(
        "fulfilment_line",
        sa.Column("fulfilment_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        *owned("fulfilment_line"),
        belongs("fulfilment_line", "fulfilment", "fulfilment_id"),
        belongs("fulfilment_line", "order_line", "order_line_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_fulfilment_line_quantity")),
    )
    op.create_index("ix_fulfilment_line_fulfilment", "fulfilment_line", ["tenant_id", "fulfilment_id"])
    op.create_table(
        "order_return",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="requested", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        _instant("created_at"),
        _instant("updated_at"),
        *owned("order_return"),
        belongs("order_return", "orders", "order_id"),
        sa.CheckConstraint(
            "status IN ('requested', 'approved', 'rejected', 'received')", name=op.f("ck_order_return_status")
        ),
    )
    op.create_index("ix_order_return_order", "order_return", ["tenant_id", "order_id"])
    op.create_table(
        "order_return_line",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _units("received"),
        _units("restocked"),
        *owned("order_return_line"),
        belongs("order_return_line", "order_return", "return_id"),
        belongs("order_return_line", "order_line", "order_line_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_return_line_quantity")),
        sa.CheckConstraint(
            "received >= 0 AND restocked >= 0 AND restocked <= received", name=op.f("ck_order_return_line_received")
        ),
        sa.CheckConstraint("received <= quantity", name=op.f("ck_order_return_line_not_more_than_announced")),
    )
    op.create_index("ix_order_return_line_return", "order_return_line", ["tenant_id", "return_id"])
    op.create_table(
        "order_entry",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        _instant("at"),
        *owned("order_entry"),
        belongs("order_entry", "orders", "order_id"),
    )
    op.create_index("ix_order_entry_order", "order_entry", ["tenant_id", "order_id", "id"])
    own_by_tenant("refund", "fulfilment", "fulfilment_line", "order_return", "order_return_line")
    own_by_tenant("order_entry", append_only=True)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _what_there_was() -> None:
    """Until now stock left when an order was placed, so every order there is has been handed over."""
    for table in CHANGED:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE order_line SET fulfilled = quantity")
    op.execute(
        """
        UPDATE orders o SET fulfilment_state = 'delivered',
            payment_state = CASE WHEN EXISTS (
                SELECT FROM payment p WHERE (p.tenant_id, p.order_id, p.status) = (o.tenant_id, o.id, 'authorised'))
                THEN 'authorised' ELSE 'paid' END
        """
    )
    op.drop_constraint("ck_orders_status", "orders")
    op.execute("UPDATE orders SET status = 'delivered'")
    op.execute("UPDATE reservation SET released = quantity WHERE status = 'released'")
    op.execute(
        """
        UPDATE reservation r SET sold = r.quantity, order_id = p.order_id
        FROM payment p WHERE r.status = 'claimed' AND (p.tenant_id, p.id) = (r.tenant_id, r.holder_id)
        """
    )
    for table in CHANGED:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _constraints() -> None:
    _check("orders", "status", f"status IN ({_literals(STATUSES)})")
    _check("orders", "payment_state", f"payment_state IN ({_literals(PAYMENT_STATES)})")
    _check("orders", "fulfilment_state", f"fulfilment_state IN ({_literals(FULFILMENT_STATES)})")
    _check("orders", "return_state", f"return_state IN ({_literals(RETURN_STATES)})")
    _check("orders", "credited", "credited BETWEEN 0 AND greatest(total, 0)")
    op.create_index("ix_orders_placed", "orders", ["tenant_id", "placed_at", "id"])
    op.create_index("ix_orders_status", "orders", ["tenant_id", "status", "placed_at"])
    op.create_index("ix_orders_email", "orders", ["tenant_id", "email"], postgresql_where=sa.text("email IS NOT NULL"))
    _check("order_line", "fulfilled", "fulfilled >= 0 AND cancelled >= 0 AND fulfilled + cancelled <= quantity")
    _check("order_line", "returned", "in_return >= 0 AND returned >= 0 AND in_return + returned <= fulfilled")
    _check("order_line", "credited", "credited BETWEEN 0 AND quantity")

    op.drop_constraint("ck_payment_status", "payment")
    _check("payment", "status", f"status IN ({_literals(PAYMENTS)})")
    _check("payment", "refunded", "refunded BETWEEN 0 AND amount AND (refunded = 0 OR status = 'captured')")
    op.drop_index("ix_payment_unfinished", "payment")
    op.create_index(
        "ix_payment_unfinished",
        "payment",
        ["tenant_id", "updated_at"],
        postgresql_where=sa.text("status IN ('started', 'authorised', 'capturing', 'voiding')"),
    )

    _check("reservation", "spent", "sold >= 0 AND released >= 0 AND sold + released <= quantity")
    _check("reservation", "order", "(status = 'claimed') = (order_id IS NOT NULL)")
    op.create_index(
        "ix_reservation_order",
        "reservation",
        ["tenant_id", "order_id"],
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.drop_constraint("ck_stock_movement_kind", "stock_movement")
    _check("stock_movement", "kind", f"kind IN ({_literals(MOVEMENTS)})")


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def _literals(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _units(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)
