"""Files of the catalogue that workers make."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "catalogue_export",
        *owned("catalogue_export"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _AT, server_default=sa.text("now()"), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        sa.Column("products", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("finished_at", _AT, nullable=True),
        sa.Column("expires_at", _AT, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'ready', 'failed')", name=op.f("ck_catalogue_export_status")
        ),
        sa.CheckConstraint("format IN ('csv', 'jsonl', 'xlsx')", name=op.f("ck_catalogue_export_format")),
    )
    op.create_index(
        "ix_catalogue_export_due",
        "catalogue_export",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    own_by_tenant("catalogue_export")
