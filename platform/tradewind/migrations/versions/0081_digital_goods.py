"""Variants that are downloaded: their files, whose they became, and every download of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def _at(name: str) -> sa.Column[object]:
    return sa.Column(name, _AT, server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.add_column("variant", sa.Column("digital", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("variant", sa.Column("download_limit", sa.BigInteger(), nullable=True))
    op.add_column("variant", sa.Column("download_days", sa.BigInteger(), nullable=True))
    # Lines of which nothing is sent that have yet to be handed out.
    op.create_index(
        "ix_order_line_digital",
        "order_line",
        ["tenant_id", "order_id"],
        postgresql_where=sa.text("components = '[]'::jsonb AND fulfilled + cancelled < quantity"),
    )
    op.create_table(
        "digital_file",
        *owned("digital_file"),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        _at("uploaded_at"),
        belongs("digital_file", "variant", "variant_id"),
    )
    op.create_index("ix_digital_file_variant", "digital_file", ["tenant_id", "variant_id", "id"])
    op.create_table(
        "download_right",
        *owned("download_right"),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        _at("granted_at"),
        _at("counted_from"),
        belongs("download_right", "orders", "order_id"),
        belongs("download_right", "order_line", "order_line_id"),
    )
    op.create_index("ix_download_right_order", "download_right", ["tenant_id", "order_id"])
    op.create_index("uq_download_right_line", "download_right", ["tenant_id", "order_line_id"], unique=True)
    op.create_table(
        "download",
        *owned("download"),
        sa.Column("right_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("file_version", sa.BigInteger(), nullable=False),
        _at("begun_at"),
        belongs("download", "download_right", "right_id"),
    )
    op.create_index("ix_download_right_file", "download", ["tenant_id", "right_id", "file_id", "begun_at"])
    own_by_tenant("digital_file", "download_right", "download")
