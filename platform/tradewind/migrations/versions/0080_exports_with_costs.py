"""Files of the catalogue that have what only those who may see prices may know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catalogue_export", sa.Column("costs", sa.Boolean(), server_default=sa.false(), nullable=False))
