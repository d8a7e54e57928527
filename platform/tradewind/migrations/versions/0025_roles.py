"""Roles, who has them, and who is in the shop as a customer for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "role",
        *owned("role"),
        sa.Column("vendor_id", sa.Uuid()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("permissions", ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        belongs("role", "vendor", "vendor_id"),
    )
    op.create_index(
        "uq_role_name", "role", ["tenant_id", "vendor_id", "name"], unique=True, postgresql_nulls_not_distinct=True
    )
    op.create_table(
        "membership",
        *owned("membership"),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("email", sa.Text()),
        sa.Column("email_digest", sa.LargeBinary()),
        sa.Column("vendor_id", sa.Uuid()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("roles", ARRAY(sa.Text()), nullable=False),
        sa.Column("role_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("limits", JSONB(), server_default="{}", nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("accepted_at", _AT),
        belongs("membership", "account", "account_id"),
        belongs("membership", "vendor", "vendor_id"),
        sa.CheckConstraint(
            "status IN ('invited', 'active', 'suspended', 'removed')", name=op.f("ck_membership_status")
        ),
        sa.CheckConstraint(
            "status IN ('invited', 'removed') OR account_id IS NOT NULL", name=op.f("ck_membership_whose")
        ),
    )
    for column in ("account_id", "email_digest"):
        op.create_index(
            f"uq_membership_{column.removesuffix('_id')}",
            "membership",
            ["tenant_id", column],
            unique=True,
            postgresql_where=sa.text("status <> 'removed'"),
        )
    op.create_table(
        "acting",
        *owned("acting"),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_at", _AT, nullable=False),
        sa.Column("ends_at", _AT, nullable=False),
        belongs("acting", "membership", "membership_id"),
        belongs("acting", "customer", "customer_id"),
    )
    op.create_index("ix_acting_customer", "acting", ["tenant_id", "customer_id", "started_at"])
    op.add_column("session", sa.Column("acting_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_session_tenant_id_acting_id"), "session", "acting", ["tenant_id", "acting_id"], ["tenant_id", "id"]
    )
    own_by_tenant("role", "membership", "acting")
