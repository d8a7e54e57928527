"""A role has limits, for those who have it and are given none of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("role", sa.Column("limits", JSONB(), server_default="{}", nullable=False))
    op.create_table(
        "built_in_role",
        *owned("built_in_role"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("limits", JSONB(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.create_index("uq_built_in_role_name", "built_in_role", ["tenant_id", "name"], unique=True)
    own_by_tenant("built_in_role")
