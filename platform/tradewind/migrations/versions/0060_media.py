"""What products show: images, 360-degree sets and videos, the pictures in them, and files that nothing shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("product", sa.Column("picture", JSONB(), nullable=True))
    op.create_table(
        "product_media",
        *owned("product_media"),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("focal_x", sa.SmallInteger(), server_default="50", nullable=False),
        sa.Column("focal_y", sa.SmallInteger(), server_default="50", nullable=False),
        sa.Column("video", JSONB(), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.text("now()"), nullable=False),
        belongs("product_media", "product", "product_id"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "variant_id"],
            ["variant.tenant_id", "variant.id"],
            name=op.f("fk_product_media_tenant_id_variant_id"),
            ondelete="SET NULL (variant_id)",
        ),
        sa.CheckConstraint("kind IN ('image', 'spin', 'video')", name=op.f("ck_product_media_kind")),
        sa.CheckConstraint("(kind = 'video') = (video IS NOT NULL)", name=op.f("ck_product_media_video")),
        sa.CheckConstraint(
            "focal_x BETWEEN 0 AND 100 AND focal_y BETWEEN 0 AND 100", name=op.f("ck_product_media_focal")
        ),
    )
    op.create_index("ix_product_media_product", "product_media", ["tenant_id", "product_id", "position", "id"])
    op.create_index(
        "ix_product_media_variant",
        "product_media",
        ["tenant_id", "variant_id"],
        postgresql_where=sa.text("variant_id IS NOT NULL"),
    )
    op.create_table(
        "media_picture",
        *owned("media_picture"),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("width", sa.SmallInteger(), nullable=False),
        sa.Column("height", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        sa.Column("shown", JSONB(), nullable=True),
        sa.Column("cover", JSONB(), nullable=True),
        sa.Column("thumbnail", sa.Text(), nullable=True),
        sa.Column("files", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        belongs("media_picture", "product_media", "media_id"),
        sa.CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name=op.f("ck_media_picture_status")),
    )
    op.create_index("ix_media_picture_media", "media_picture", ["tenant_id", "media_id", "position", "id"])
    op.create_index(
        "ix_media_picture_due",
        "media_picture",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    op.create_table(
        "media_leftover",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("due_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "path", name=op.f("pk_media_leftover")),
    )
    op.create_index("ix_media_leftover_due", "media_leftover", ["tenant_id", "due_at"])
    own_by_tenant("product_media", "media_picture", "media_leftover")
