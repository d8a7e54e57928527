"""Who keeps an answer about the catalogue is told, with the commit, when it is no longer true.

A change of a product, a variant, a price, a category or a policy of stock is told by the statement; what changes stock
costs nothing unless a balance crosses from having something to sell to having nothing, or back. See
docs/decisions/0008.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MANY = 100
"""Changed by one statement, and all of the shop's products are told of at once."""

# The trigger's argument says which products `changed` is about. Postgres sends what a transaction tells twice once.
TELL_CHANGED = f"""
CREATE FUNCTION tell_catalogue_changed() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       EXECUTE format(
           'WITH about AS (%s), shop AS (SELECT tenant_id, count(DISTINCT product_id) AS many FROM about GROUP BY 1)
            SELECT pg_notify(''catalogue_changed'', concat(shop.tenant_id, '':'', coalesce(one.product_id::text, ''*'')))
            FROM shop LEFT JOIN LATERAL (
                SELECT DISTINCT product_id FROM about
                WHERE about.tenant_id = shop.tenant_id AND shop.many <= {MANY}) one ON true', tg_argv[0]);
       RETURN NULL;
   END $$
"""  # noqa: S608  (a number and the triggers' own arguments)

# Of the variant, and of the bundles that are made of it.
TELL_CROSSED = """
CREATE FUNCTION tell_stock_crossed() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       PERFORM pg_notify('catalogue_changed', concat(tenant_id, ':', product_id))
       FROM variant WHERE tenant_id = new.tenant_id AND id IN (
           SELECT new.variant_id
           UNION SELECT variant_id FROM bundle_component
           WHERE tenant_id = new.tenant_id AND component_id = new.variant_id);
       RETURN NULL;
   END $$
"""

_OF_VARIANT = "SELECT c.tenant_id, v.product_id FROM changed c JOIN variant v ON (v.tenant_id, v.id) = (c.tenant_id, c.variant_id)"
ABOUT = {
    "product": "SELECT tenant_id, id AS product_id FROM changed",
    "variant": "SELECT tenant_id, product_id FROM changed",
    "price": _OF_VARIANT,
    "bundle_component": _OF_VARIANT,
    "category": "SELECT tenant_id, NULL::uuid AS product_id FROM changed",
}
ADDED_OR_GONE = {**ABOUT, "stock": _OF_VARIANT, "stock_policy": _OF_VARIANT}
CROSSED = {
    "stock": "(old.available > old.kept_back) IS DISTINCT FROM (new.available > new.kept_back)",
    "stock_policy": "(old.promised < old.backorder_limit, old.lead_days, old.available_from)"
    " IS DISTINCT FROM (new.promised < new.backorder_limit, new.lead_days, new.available_from)",
}


def upgrade() -> None:
    op.execute(TELL_CHANGED)
    op.execute(TELL_CROSSED)
    for table, about in ADDED_OR_GONE.items():
        _tell(table, "insert", "NEW", about)
        _tell(table, "delete", "OLD", about)
    for table, about in ABOUT.items():
        _tell(table, "update", "NEW", about)
    for table, condition in CROSSED.items():
        op.execute(
            f"CREATE TRIGGER catalogue_update AFTER UPDATE ON {table} FOR EACH ROW WHEN ({condition}) "
            "EXECUTE FUNCTION tell_stock_crossed()"
        )


def _tell(table: str, event: str, rows: str, about: str) -> None:
    op.execute(
        f"CREATE TRIGGER catalogue_{event} AFTER {event.upper()} ON {table} REFERENCING {rows} TABLE AS changed "
        f"FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue_changed('{about}')"
    )


def downgrade() -> None:
    for table in ADDED_OR_GONE:
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER catalogue_{event} ON {table}")
    op.execute("DROP FUNCTION tell_catalogue_changed()")
    op.execute("DROP FUNCTION tell_stock_crossed()")
