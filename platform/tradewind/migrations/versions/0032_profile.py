"""Address books, preferences and wishlists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "customer_address",
        *owned("customer_address"),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("default_shipping", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("default_billing", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        belongs("customer_address", "customer", "customer_id"),
    )
    op.create_index("ix_customer_address_customer", "customer_address", ["tenant_id", "customer_id", "created_at"])
    for which in ("shipping", "billing"):
        op.create_index(
            f"uq_customer_address_{which}",
            "customer_address",
            ["tenant_id", "customer_id"],
            unique=True,
            postgresql_where=sa.text(f"default_{which}"),
        )
    op.create_table(
        "notification_preference",
        *owned("notification_preference"),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        belongs("notification_preference", "customer", "customer_id"),
        sa.CheckConstraint("channel IN ('email', 'sms')", name=op.f("ck_notification_preference_channel")),
    )
    op.create_index(
        "uq_notification_preference",
        "notification_preference",
        ["tenant_id", "customer_id", "topic", "channel"],
        unique=True,
    )
    op.create_table(
        "wishlist",
        *owned("wishlist"),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary()),
        sa.Column("token", sa.Text()),
        sa.Column("created_at", _AT, nullable=False),
    )
    op.create_index("ix_wishlist_holder", "wishlist", ["tenant_id", "holder_id"])
    op.create_index("uq_wishlist_token_hash", "wishlist", ["tenant_id", "token_hash"], unique=True)
    op.create_table(
        "wishlist_item",
        *owned("wishlist_item"),
        sa.Column("wishlist_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("added_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "wishlist_id"],
            ["wishlist.tenant_id", "wishlist.id"],
            name=op.f("fk_wishlist_item_tenant_id_wishlist_id"),
            ondelete="CASCADE",
        ),
        belongs("wishlist_item", "variant", "variant_id"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 9999", name=op.f("ck_wishlist_item_quantity")),
    )
    op.create_index(
        "uq_wishlist_item_variant", "wishlist_item", ["tenant_id", "wishlist_id", "variant_id"], unique=True
    )
    op.create_index("ix_wishlist_item_variant", "wishlist_item", ["tenant_id", "variant_id"])
    own_by_tenant("customer_address", "notification_preference", "wishlist", "wishlist_item")
