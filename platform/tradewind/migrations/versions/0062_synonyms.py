"""Which words stand for others in a shop's search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_synonym",
        *owned("search_synonym"),
        sa.Column("phrases", ARRAY(sa.Text()), nullable=False),
        sa.Column("written", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
    )
    own_by_tenant("search_synonym")
