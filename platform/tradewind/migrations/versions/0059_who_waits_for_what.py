"""Who asked to be told when something can be had again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

_WAITING = "told_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "stock_alert",
        *owned("stock_alert"),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_digest", sa.LargeBinary(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("asked_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("told_at", TIMESTAMP(timezone=True), nullable=True),
        belongs("stock_alert", "variant", "variant_id"),
    )
    _index("ix_stock_alert_variant", "variant_id", "told_at", "id")
    _index("ix_stock_alert_waiting", "variant_id", where=_WAITING)
    _index("ix_stock_alert_customer", "customer_id", where="customer_id IS NOT NULL")
    _index("ix_stock_alert_address", "email_digest", where="email_digest IS NOT NULL")
    for name, column in (("customer", "customer_id"), ("address", "email_digest")):
        where = f"{_WAITING} AND {column} IS NOT NULL"
        _index(f"uq_stock_alert_{name}", "variant_id", column, where=where, unique=True)
    _index("uq_stock_alert_token_hash", "token_hash", unique=True)
    own_by_tenant("stock_alert")


def _index(name: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    only = sa.text(where) if where else None
    op.create_index(name, "stock_alert", ["tenant_id", *columns], unique=unique, postgresql_where=only)
