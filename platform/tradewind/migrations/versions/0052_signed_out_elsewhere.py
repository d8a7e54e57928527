"""A session names the provider's own session on whose word it was opened, so that it ends with that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("session", sa.Column("provider_session", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_session_provider_session",
        "session",
        ["tenant_id", "provider_session"],
        postgresql_where=sa.text("provider_session IS NOT NULL"),
    )
