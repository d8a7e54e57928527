"""Kept answers are sealed, and say beside it whose ids they name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency_key", sa.Column("names", ARRAY(sa.Uuid()), server_default="{}", nullable=False))
