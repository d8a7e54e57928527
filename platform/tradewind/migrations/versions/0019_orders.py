"""What orders have learnt: other addresses with their own taxes, claims, notes that a shopper may see, and
gift cards sold as goods."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_consignment", sa.Column("tax_terms", postgresql.JSONB(), nullable=True))
    op.add_column("order_change", sa.Column("retaxed", sa.BigInteger(), server_default="0", nullable=False))
    _check("order_change_action", "kind", "kind IN ('add', 'remove', 'address', 'delivery_note', 'tax_engine')")
    op.add_column("order_entry", sa.Column("visible", sa.Boolean(), server_default="false", nullable=False))
    _claims()
    _sold_gift_cards()


def _claims() -> None:
    op.add_column("order_line", sa.Column("claimed", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("order_line", sa.Column("compensated", sa.BigInteger(), server_default="0", nullable=False))
    _check(
        "order_line",
        "returned",
        "in_return >= 0 AND returned >= 0 AND claimed >= 0 AND in_return + returned + claimed <= fulfilled",
    )
    op.create_check_constraint(op.f("ck_order_line_compensated"), "order_line", "compensated BETWEEN 0 AND claimed")
    _check("order_change", "kind", "kind IN ('edit', 'exchange', 'claim')")
    op.create_table(
        "order_claim",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("refunded", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=True),
        _instant("created_at"),
        _instant("updated_at"),
        *owned("order_claim"),
        belongs("order_claim", "orders", "order_id"),
        belongs("order_claim", "order_change", "change_id"),
        sa.CheckConstraint(
            "status IN ('open', 'refunded', 'replaced', 'rejected')", name=op.f("ck_order_claim_status")
        ),
        sa.CheckConstraint(
            "refunded >= 0 AND (refunded = 0 OR status = 'refunded')", name=op.f("ck_order_claim_refunded")
        ),
        sa.CheckConstraint("(change_id IS NOT NULL) = (status = 'replaced')", name=op.f("ck_order_claim_replaced")),
    )
    op.create_index("ix_order_claim_order", "order_claim", ["tenant_id", "order_id"])
    op.create_table(
        "order_claim_line",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *owned("order_claim_line"),
        belongs("order_claim_line", "order_claim", "claim_id"),
        belongs("order_claim_line", "order_line", "order_line_id"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_claim_line_quantity")),
        sa.CheckConstraint(
            "reason IN ('damaged', 'wrong_item', 'missing', 'not_delivered')", name=op.f("ck_order_claim_line_reason")
        ),
    )
    op.create_index("uq_order_claim_line", "order_claim_line", ["tenant_id", "claim_id", "order_line_id"], unique=True)
    op.create_table(
        "claim_photo",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        _instant("created_at"),
        *owned("claim_photo"),
        belongs("claim_photo", "order_claim", "claim_id"),
    )
    op.create_index("ix_claim_photo_claim", "claim_photo", ["tenant_id", "claim_id"])
    own_by_tenant("order_claim", "claim_photo")
    own_by_tenant("order_claim_line", append_only=True)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_claim_line "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _sold_gift_cards() -> None:
    op.add_column("product", sa.Column("gift_card", sa.Boolean(), server_default="false", nullable=False))
    op.create_table(
        "sold_gift_card",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("value_id", sa.Uuid(), nullable=False),
        _instant("delivered_at"),
        sa.Column("shown_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        *owned("sold_gift_card"),
        belongs("sold_gift_card", "orders", "order_id"),
        belongs("sold_gift_card", "order_line", "order_line_id"),
        belongs("sold_gift_card", "stored_value", "value_id"),
    )
    op.create_index("ix_sold_gift_card_order", "sold_gift_card", ["tenant_id", "order_id"])
    op.create_index("ix_sold_gift_card_line", "sold_gift_card", ["tenant_id", "order_line_id"])
    op.create_index("uq_sold_gift_card_value", "sold_gift_card", ["tenant_id", "value_id"], unique=True)
    own_by_tenant("sold_gift_card")


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False)


def _check(table: str, name: str, holds: str) -> None:
    """Put a CHECK in place of the one of that name."""
    op.drop_constraint(f"ck_{table}_{name}", table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, holds)
