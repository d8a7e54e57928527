"""Sales channels, and prices that hold on one of them alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sales_channel",
        *owned("sales_channel"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
    op.create_index("uq_sales_channel_code", "sales_channel", ["tenant_id", "code"], unique=True)
    own_by_tenant("sales_channel")
    for table in ("price_offer", "price_period", "oauth_client"):
        op.add_column(table, sa.Column("channel", sa.Text(), nullable=True))
    for table in ("cart", "orders"):
        op.add_column(table, sa.Column("channel", sa.Text(), server_default="web", nullable=False))
    op.drop_index("uq_price_period_start", "price_period")
    op.create_index(
        "uq_price_period_start",
        "price_period",
        ["tenant_id", "variant_id", "currency", "starts_at", "channel"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
