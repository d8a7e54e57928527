"""Domains of a shop's own, and which of its names pages are shown at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("tenant_domain", sa.Column("is_primary", sa.Boolean(), server_default="false", nullable=False))
    op.create_index(
        "uq_tenant_domain_primary",
        "tenant_domain",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("is_primary"),
    )
    op.create_table(
        "domain",
        *owned("domain"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text()),
        sa.Column("absent_since", _AT),
        sa.Column("verified_at", _AT),
        sa.Column("checked_at", _AT),
        sa.Column("next_check_at", _AT),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("status IN ('pending', 'verified', 'failed', 'lapsed')", name=op.f("ck_domain_status")),
    )
    op.create_index("uq_domain_host", "domain", ["tenant_id", "host"], unique=True)
    op.create_index("ix_domain_next_check", "domain", ["tenant_id", "next_check_at"])
    own_by_tenant("domain")
