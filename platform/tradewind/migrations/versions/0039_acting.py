"""Acting as a customer: where it was begun, what it is about, and how it ended; one at a time for each of the staff."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    # Nothing could begin one before: there is no row.
    op.add_column("acting", sa.Column("staff_session_id", sa.Uuid(), nullable=False))
    op.add_column("acting", sa.Column("category", sa.Text(), nullable=False))
    op.add_column("acting", sa.Column("ticket", sa.Text()))
    op.add_column("acting", sa.Column("ended_at", _AT))
    op.add_column("acting", sa.Column("ending", sa.Text()))
    op.create_check_constraint(op.f("ck_acting_over"), "acting", "(ended_at IS NULL) = (ending IS NULL)")
    op.create_index(
        "uq_acting_membership",
        "acting",
        ["tenant_id", "membership_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_session_acting",
        "session",
        ["tenant_id", "acting_id"],
        postgresql_where=sa.text("acting_id IS NOT NULL"),
    )
