"""In which transaction a product's words were last written, so that an index follows in that order; the relay reads it."""

from __future__ import annotations

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

CHANGED = """
CREATE FUNCTION search_document_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS
$$ BEGIN
       new.changed_in := pg_current_xact_id();
       RETURN new;
   END $$
"""
READ = ("search_document", "product", "variant", "category")


def upgrade() -> None:
    op.execute(CHANGED)
    op.execute("ALTER TABLE search_document ADD COLUMN changed_in xid8 NOT NULL DEFAULT '0'::xid8")
    op.execute(
        "CREATE TRIGGER changed BEFORE INSERT OR UPDATE ON search_document"
        " FOR EACH ROW EXECUTE FUNCTION search_document_changed()"
    )
    op.create_index("ix_search_document_changed", "search_document", ["changed_in", "tenant_id", "product_id"])
    for table in READ:
        op.execute(f"CREATE POLICY relay ON {table} FOR SELECT TO tradewind_relay USING (true)")
        op.execute(f"GRANT SELECT ON {table} TO tradewind_relay")
