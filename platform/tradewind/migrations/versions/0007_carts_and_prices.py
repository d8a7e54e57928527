"""What a cart keeps beside its lines, and prices by quantity, group and code."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _prices()
    _codes()
    _kept()
    _gifts()
    _explanations()


def _prices() -> None:
    op.create_table(
        "price_offer",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("min_quantity", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("price_group", sa.Text(), nullable=True),
        _instant("starts_at"),
        _instant("ends_at"),
        *owned("price_offer"),
        belongs("price_offer", "variant", "variant_id"),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_price_offer_amount")),
        sa.CheckConstraint("min_quantity BETWEEN 1 AND 9999", name=op.f("ck_price_offer_min_quantity")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_price_offer_window")),
    )
    op.create_index("ix_price_offer_variant", "price_offer", ["tenant_id", "variant_id", "currency"])
    op.create_table(
        "price_quote",
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        _instant("quoted_at", nullable=False),
        _instant("expires_at", nullable=False),
        *owned("price_quote"),
        belongs("price_quote", "variant", "variant_id"),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_price_quote_amount")),
        sa.CheckConstraint("quoted_at < expires_at", name=op.f("ck_price_quote_window")),
    )
    op.create_index("ix_price_quote_holder", "price_quote", ["tenant_id", "holder_id", "variant_id", "expires_at"])
    op.create_index(
        "uq_price_quote_decision",
        "price_quote",
        ["tenant_id", "decision_id", "holder_id", "variant_id"],
        unique=True,
    )
    own_by_tenant("price_offer", "price_quote")
    op.execute("REVOKE UPDATE ON price_quote FROM tradewind_app")
    op.add_column("customer", sa.Column("price_group", sa.Text(), nullable=True))


def _codes() -> None:
    op.create_table(
        "discount_code",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("percent", sa.Numeric(6, 3), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("minimum", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("starts_at", sa.TIMESTAMP(), nullable=True),
        sa.Column("ends_at", sa.TIMESTAMP(), nullable=True),
        sa.Column("usage_limit", sa.BigInteger(), nullable=True),
        sa.Column("per_customer_limit", sa.BigInteger(), nullable=True),
        sa.Column("used", sa.BigInteger(), server_default="0", nullable=False),
        *owned("discount_code"),
        sa.CheckConstraint("(percent IS NULL) <> (amount IS NULL)", name=op.f("ck_discount_code_one_kind")),
        sa.CheckConstraint("percent > 0 AND percent <= 100", name=op.f("ck_discount_code_percent")),
        sa.CheckConstraint("amount > 0 AND minimum >= 0", name=op.f("ck_discount_code_amounts")),
        sa.CheckConstraint(
            "currency IS NOT NULL OR (amount IS NULL AND minimum = 0)", name=op.f("ck_discount_code_currency")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_discount_code_window")),
        sa.CheckConstraint(
            "used >= 0 AND (usage_limit IS NULL OR used <= usage_limit)", name=op.f("ck_discount_code_used")
        ),
    )
    op.create_index("uq_discount_code_code", "discount_code", ["tenant_id", "code"], unique=True)
    op.create_table(
        "discount_redemption",
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        _instant("redeemed_at", nullable=False),
        _instant("released_at"),
        *owned("discount_redemption"),
        belongs("discount_redemption", "discount_code", "code_id"),
        belongs("discount_redemption", "orders", "order_id"),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_discount_redemption_amount")),
    )
    op.create_index(
        "uq_discount_redemption_order", "discount_redemption", ["tenant_id", "order_id", "code_id"], unique=True
    )
    op.create_index("ix_discount_redemption_code", "discount_redemption", ["tenant_id", "code_id", "id"])
    op.create_index("ix_discount_redemption_holder", "discount_redemption", ["tenant_id", "code_id", "holder_id"])
    own_by_tenant("discount_code", "discount_redemption")
    op.add_column(
        "cart", sa.Column("code_ids", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False)
    )


def _kept() -> None:
    op.create_table(
        "saved_item",
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        _instant("saved_at", nullable=False),
        *owned("saved_item"),
        belongs("saved_item", "variant", "variant_id"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 9999", name=op.f("ck_saved_item_quantity")),
    )
    op.create_index("uq_saved_item_variant", "saved_item", ["tenant_id", "holder_id", "variant_id"], unique=True)
    op.create_table(
        "shared_cart",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _instant("created_at", nullable=False),
        _instant("expires_at", nullable=False),
        *owned("shared_cart"),
    )
    op.create_index("uq_shared_cart_token_hash", "shared_cart", ["tenant_id", "token_hash"], unique=True)
    own_by_tenant("saved_item", "shared_cart")
    op.add_column("cart", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("cart", _instant("abandoned_at"))
    op.drop_constraint("ck_cart_status", "cart")
    op.create_check_constraint(
        op.f("ck_cart_status"), "cart", "status IN ('open', 'completing', 'completed', 'merged')"
    )
    op.create_index(
        "ix_cart_watched",
        "cart",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status = 'open' AND abandoned_at IS NULL"),
    )
    op.add_column("orders", sa.Column("customer_note", sa.Text(), nullable=True))


def _gifts() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "gift_wrap",
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("tax_class", sa.Text(), server_default="standard", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        *owned("gift_wrap"),
        sa.CheckConstraint("price >= 0", name=op.f("ck_gift_wrap_price")),
    )
    op.create_index("uq_gift_wrap", "gift_wrap", ["tenant_id"], unique=True)
    own_by_tenant("gift_wrap")
    for table in ("cart", "cart_line", "orders", "order_line"):
        op.add_column(table, sa.Column("gift", json, nullable=True))
    op.add_column("orders", sa.Column("fees", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("fees_tax", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("orders", sa.Column("fee_lines", json, server_default=sa.text("'[]'"), nullable=False))
    op.drop_constraint("ck_orders_total", "orders")
    op.create_check_constraint(
        op.f("ck_orders_total"),
        "orders",
        "total = subtotal - discount + shipping + fees + CASE WHEN tax_included THEN 0 ELSE tax END",
    )


def _explanations() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("orders", sa.Column("discounts", json, server_default=sa.text("'[]'"), nullable=False))
    op.add_column("cart_line", sa.Column("explanation", json, nullable=True))
    nothing = sa.text("""'{"price": null, "discounts": [], "taxes": []}'""")
    op.add_column("order_line", sa.Column("explanation", json, server_default=nothing, nullable=False))


def _instant(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), nullable=nullable)
