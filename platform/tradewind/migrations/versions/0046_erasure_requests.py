"""Customers who ask to be forgotten, with a time to think it over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "erasure_request",
        *owned("erasure_request"),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", _AT, nullable=False),
        sa.Column("due_at", _AT, nullable=False),
        sa.Column("next_at", _AT, nullable=False),
        sa.Column("told_at", _AT, nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        belongs("erasure_request", "customer", "customer_id"),
        sa.CheckConstraint(
            "(ended_at IS NULL AND outcome IS NULL) OR (ended_at IS NOT NULL AND outcome IN ('kept', 'erased'))",
            name=op.f("ck_erasure_request_outcome"),
        ),
    )
    op.create_index(
        "uq_erasure_request_open",
        "erasure_request",
        ["tenant_id", "customer_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    own_by_tenant("erasure_request")
