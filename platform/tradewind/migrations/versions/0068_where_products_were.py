"""Where products were: a handle that one had leads to the one that it has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

# Whoever writes a product is heeded, as this is asked of the row. Only an address that shoppers have seen is kept.
KEEP_HANDLE = """
CREATE FUNCTION keep_product_handle() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       INSERT INTO product_handle (tenant_id, handle, product_id) VALUES (old.tenant_id, old.handle, old.id)
       ON CONFLICT (tenant_id, handle) DO UPDATE SET product_id = excluded.product_id;
       RETURN NULL;
   END $$
"""
SEEN = "old.handle IS DISTINCT FROM new.handle AND (old.published_at IS NOT NULL OR old.status = 'published')"


def upgrade() -> None:
    op.create_table(
        "product_handle",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "handle", name=op.f("pk_product_handle")),
        belongs("product_handle", "product", "product_id"),
    )
    op.create_index("ix_product_handle_product", "product_handle", ["tenant_id", "product_id"])
    own_by_tenant("product_handle")
    op.execute(KEEP_HANDLE)
    op.execute(
        f"CREATE TRIGGER keep_handle AFTER UPDATE ON product FOR EACH ROW WHEN ({SEEN})"
        " EXECUTE FUNCTION keep_product_handle()"
    )
