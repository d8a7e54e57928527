"""The relay asks who was forgotten, so that it delivers nothing of them."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE POLICY relay ON tombstone FOR SELECT TO tradewind_relay USING (true)")
    op.execute("GRANT SELECT ON tombstone TO tradewind_relay")
