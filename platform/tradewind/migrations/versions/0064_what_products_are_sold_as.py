"""What products cost, and whether they can be had, is read by the relay as well: search narrows down by it."""

from __future__ import annotations

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

READ = ("price", "stock", "stock_policy", "bundle_component", "attribute", "product_type_attribute")


def upgrade() -> None:
    for table in READ:
        op.execute(f"CREATE POLICY relay ON {table} FOR SELECT TO tradewind_relay USING (true)")
        op.execute(f"GRANT SELECT ON {table} TO tradewind_relay")
