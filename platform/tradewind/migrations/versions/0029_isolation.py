"""Search documents under row-level security, and one function less that lends its owner's rights."""

from __future__ import annotations

from alembic import op

from tradewind.migrations.security import own_by_tenant

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What the app writes and reads of it is its tenant's, as in every table. The owner's policy is what
    # `search_products` runs under: a condition that is always true leaves the planner its index.
    own_by_tenant("search_document")
    op.execute("CREATE POLICY search ON search_document FOR SELECT TO tradewind_owner USING (true)")
    op.execute("ALTER FUNCTION index_products(uuid[]) SECURITY INVOKER")
    op.execute("ALTER FUNCTION index_products(uuid[]) SET search_path = public, pg_temp")
    op.execute("ALTER FUNCTION search_products(tsquery, bigint, uuid, int) SET search_path = public, pg_temp")
