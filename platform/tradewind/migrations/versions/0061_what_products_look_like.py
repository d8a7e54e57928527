"""Which pictures products show is read by the relay as well: an index is built of what they look like."""

from __future__ import annotations

from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

READ = ("product_media", "media_picture")


def upgrade() -> None:
    for table in READ:
        op.execute(f"CREATE POLICY relay ON {table} FOR SELECT TO tradewind_relay USING (true)")
        op.execute(f"GRANT SELECT ON {table} TO tradewind_relay")
