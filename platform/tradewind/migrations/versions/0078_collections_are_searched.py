"""In which collections a product is, for the search index to follow."""

from __future__ import annotations

from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None

TELL = "tell_catalogue_changed('SELECT tenant_id, product_id FROM changed')"


def upgrade() -> None:
    # Whoever keeps an answer about a product, and the search index, hear of it as of a price: migration 0016. That a
    # product has another place in its collection changes nothing that they keep.
    for event, rows in (("insert", "NEW"), ("delete", "OLD")):
        changed = f"AFTER {event.upper()} ON collection_product REFERENCING {rows} TABLE AS changed"
        op.execute(f"CREATE TRIGGER catalogue_{event} {changed} FOR EACH STATEMENT EXECUTE FUNCTION {TELL}")
    op.execute("CREATE POLICY relay ON collection_product FOR SELECT TO tradewind_relay USING (true)")
    op.execute("GRANT SELECT ON collection_product TO tradewind_relay")
