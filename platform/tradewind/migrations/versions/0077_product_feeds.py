"""Product feeds that are built again and again, and fetched by whoever has their token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "product_feed",
        *owned("product_feed"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("every_hours", sa.BigInteger(), nullable=False),
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_shown", sa.Text(), nullable=False),
        *(
            sa.Column(name, _AT, server_default=sa.text("now()"), nullable=False)
            for name in ("created_at", "rotated_at")
        ),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("every_hours BETWEEN 1 AND 168", name=op.f("ck_product_feed_every_hours")),
    )
    op.create_index("uq_product_feed_token_hash", "product_feed", ["tenant_id", "token_hash"], unique=True)
    op.create_table(
        "product_feed_build",
        *owned("product_feed_build"),
        sa.Column("feed_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("requested_at", _AT, server_default=sa.text("now()"), nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("attempt", "products", "total", "items")
        ),
        sa.Column("left_out", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("size", "packed_size")),
        sa.Column("sha256", sa.Text(), nullable=True),
        *(sa.Column(name, _AT, nullable=True) for name in ("changed_at", "finished_at")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "feed_id"],
            ["product_feed.tenant_id", "product_feed.id"],
            name=op.f("fk_product_feed_build_tenant_id_feed_id"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'ready', 'failed')", name=op.f("ck_product_feed_build_status")
        ),
    )
    op.create_index("ix_product_feed_build_feed", "product_feed_build", ["tenant_id", "feed_id", "id"])
    op.create_index(
        "uq_product_feed_build_due",
        "product_feed_build",
        ["tenant_id", "feed_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    own_by_tenant("product_feed", "product_feed_build")
