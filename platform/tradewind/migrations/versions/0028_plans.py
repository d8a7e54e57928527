"""Plans, what was used, and what is billed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    _plans()
    _billing()
    own_by_tenant("tenant_plan", "usage", "billing_account", "billing_invoice", "billing_event", "billed_usage")


def _plans() -> None:
    op.create_table(
        "tenant_plan",
        *owned("tenant_plan"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("overrides", JSONB(), server_default="{}", nullable=False),
        sa.Column("since", _AT, server_default=sa.func.now(), nullable=False),
    )
    op.create_index("uq_tenant_plan", "tenant_plan", ["tenant_id"], unique=True)
    op.create_table(
        "usage",
        *owned("usage"),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", _AT, nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_usage_quantity")),
    )
    op.create_index("uq_usage_metric_day", "usage", ["tenant_id", "metric", "day"], unique=True)


def _billing() -> None:
    op.create_table(
        "billing_account",
        *owned("billing_account"),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text()),
        sa.Column("plan", sa.Text()),
        sa.Column("status", sa.Text(), server_default="none", nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("period_end", _AT),
        sa.Column("ends_at", _AT),
        sa.Column("past_due_since", _AT),
        sa.Column("reminders", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("synced_at", _AT),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(
            "status IN ('none', 'active', 'past_due', 'cancelled')", name=op.f("ck_billing_account_status")
        ),
    )
    op.create_index("uq_billing_account", "billing_account", ["tenant_id"], unique=True)
    op.create_table(
        "billing_invoice",
        *owned("billing_invoice"),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", _AT, nullable=False),
        sa.Column("pdf_url", sa.Text()),
        sa.Column("page_url", sa.Text()),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'void', 'uncollectible')", name=op.f("ck_billing_invoice_status")
        ),
    )
    op.create_index("uq_billing_invoice_reference", "billing_invoice", ["tenant_id", "reference"], unique=True)
    op.create_index("ix_billing_invoice_issued", "billing_invoice", ["tenant_id", "issued_at", "id"])
    op.create_table(
        "billing_event",
        *owned("billing_event"),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("received_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("handled_at", _AT),
    )
    op.create_index("uq_billing_event_reference", "billing_event", ["tenant_id", "reference"], unique=True)
    op.create_index(
        "ix_billing_event_open",
        "billing_event",
        ["tenant_id", "received_at"],
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.create_table(
        "billed_usage",
        *owned("billed_usage"),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("item", sa.Text()),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_billed_usage_quantity")),
    )
    op.create_index("uq_billed_usage_month", "billed_usage", ["tenant_id", "metric", "month"], unique=True)
