"""Feeds for Google's Merchant Center among the files of the catalogue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalogue_export", sa.Column("home", sa.Text(), nullable=True))
    op.add_column("catalogue_export", sa.Column("left_out", JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.drop_constraint(op.f("ck_catalogue_export_format"), "catalogue_export")
    op.create_check_constraint(
        op.f("ck_catalogue_export_format"), "catalogue_export", "format IN ('csv', 'jsonl', 'xlsx', 'google')"
    )
