"""Archives that people ask for of what is kept about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "person_export",
        *owned("person_export"),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _AT, server_default=sa.text("now()"), nullable=False),
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        sa.Column("finished_at", _AT, nullable=True),
        sa.Column("expires_at", _AT, nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        belongs("person_export", "customer", "customer_id"),
        sa.CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name=op.f("ck_person_export_status")),
    )
    op.create_index(
        "uq_person_export_one_at_a_time",
        "person_export",
        ["tenant_id", "customer_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    op.create_index("ix_person_export_customer", "person_export", ["tenant_id", "customer_id"])
    own_by_tenant("person_export")
