"""A version of a legal page has a title in its language; one without is called as before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("legal_page", sa.Column("title", sa.Text(), nullable=True))
