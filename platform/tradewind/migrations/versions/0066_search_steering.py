"""What staff say of a shop's search: which words stand for others, and what comes first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0066"
down_revision = "0065"
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
    op.create_table(
        "search_rule",
        *owned("search_rule"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("draft", JSONB(), nullable=False),
        sa.Column("live", JSONB(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("previewed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=True),
        sa.Column("published_at", TIMESTAMP(timezone=True), nullable=True),
    )
    own_by_tenant("search_synonym", "search_rule")
