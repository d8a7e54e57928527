"""Archives of everything that a shop asks for; the schema's revision may be read, since they name it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "shop_export",
        *owned("shop_export"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("leased_until", _AT),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.Text()),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finished_at", _AT),
        sa.Column("expires_at", _AT),
        sa.Column("size", sa.BigInteger()),
        sa.Column("sha256", sa.Text()),
        sa.CheckConstraint("status IN ('waiting', 'running', 'ready', 'failed')", name=op.f("ck_shop_export_status")),
    )
    op.create_index(
        "uq_shop_export_one_at_a_time",
        "shop_export",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    own_by_tenant("shop_export")
    op.execute("GRANT SELECT ON alembic_version TO tradewind_app")
