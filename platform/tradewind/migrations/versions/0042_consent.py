"""What people agree to, asked for and kept; what was taken for given before counts for nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "consent_answer",
        *owned("consent_answer"),
        sa.Column("answered_at", _AT, nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text_version", sa.Text(), nullable=False),
        sa.Column("carried_from", sa.Uuid(), nullable=True),
        belongs("consent_answer", "customer", "customer_id"),
        sa.CheckConstraint(
            "purpose IN ('analytics', 'personalisation', 'marketing')", name=op.f("ck_consent_answer_purpose")
        ),
        sa.CheckConstraint("source IN ('banner', 'account', 'api', 'import')", name=op.f("ck_consent_answer_source")),
    )
    for whose in ("customer", "visitor"):
        op.create_index(
            f"ix_consent_answer_{whose}", "consent_answer", ["tenant_id", f"{whose}_id", "purpose", "answered_at"]
        )
    own_by_tenant("consent_answer")
    # Answers are added, and thrown away when their time is over; none is ever changed.
    op.execute("REVOKE UPDATE ON consent_answer FROM tradewind_app")
    op.add_column("session", sa.Column("consented_at", _AT, nullable=True))
