"""Who may see which rows: row-level security, the app's and the relay's rights, and the way to the search documents."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TENANT_OWNED = (
    "campaign",
    "cart",
    "cart_line",
    "category",
    "coupon",
    "coupon_product",
    "coupon_redemption",
    "customer",
    "dead_letter",
    "idempotency_key",
    "ledger_posting",
    "order_line",
    "orders",
    "outbox",
    "payment",
    "price",
    "product",
    "reservation",
    "session",
    "stock",
    "stock_movement",
    "variant",
    "warehouse",
)
APPEND_ONLY = ("ledger_posting", "outbox", "stock_movement")

CURRENT_TENANT = """
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('tradewind.tenant_id', true), '')::uuid $$
"""

WORDS = """
CREATE FUNCTION search_words(title text, brand text, category text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT setweight(to_tsvector('english', title), 'A')
       || setweight(to_tsvector('english', coalesce(brand, '')), 'B')
       || setweight(to_tsvector('english', coalesce(category, '')), 'C') $$
"""

INDEX_PRODUCTS = """
CREATE FUNCTION index_products(products uuid[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public AS
$$ WITH written AS (
       INSERT INTO search_document (tenant_id, product_id, rank, words)
       SELECT p.tenant_id, p.id, p.rank, search_words(p.title, p.brand, c.name)
       FROM product p LEFT JOIN category c ON (c.tenant_id, c.id) = (p.tenant_id, p.category_id)
       WHERE p.tenant_id = current_tenant() AND p.id = ANY (products) AND p.status = 'published'
       ON CONFLICT (tenant_id, product_id) DO UPDATE
           SET rank = excluded.rank, words = excluded.words, updated_at = now()
       RETURNING 1)
   SELECT count(*) FROM written $$
"""

SEARCH_PRODUCTS = """
CREATE FUNCTION search_products(query tsquery, after_score bigint, after_product uuid, max_rows int)
RETURNS TABLE (product_id uuid, score bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
$$ SELECT product_id, score
   FROM (SELECT d.product_id,
                (ts_rank_cd(d.words, query) * 1000)::bigint * 10000000000 + least(-d.rank, 9999999999) AS score
         FROM search_document d
         WHERE d.tenant_id = current_tenant() AND d.words @@ query) found
   WHERE after_score IS NULL OR (score, product_id) < (after_score, after_product)
   ORDER BY score DESC, product_id DESC
   LIMIT max_rows $$
"""

BALANCED = """
CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       IF (SELECT sum(amount) FROM ledger_posting
           WHERE tenant_id = new.tenant_id AND transaction_id = new.transaction_id AND currency = new.currency) <> 0 THEN
           RAISE EXCEPTION 'ledger transaction % does not balance', new.transaction_id USING ERRCODE = 'check_violation';
       END IF;
       RETURN NULL;
   END $$
"""


def upgrade() -> None:
    op.execute(CURRENT_TENANT)
    for table in TENANT_OWNED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} "
            "USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))"
        )
        rights = "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f"GRANT {rights} ON {table} TO tradewind_app")
    op.execute("GRANT SELECT ON tenant, tenant_domain TO tradewind_app, tradewind_relay")

    op.execute("CREATE POLICY relay ON outbox TO tradewind_relay USING (true)")
    op.execute("GRANT SELECT, DELETE ON outbox TO tradewind_relay")
    op.execute("GRANT SELECT, INSERT, UPDATE ON outbox_cursor TO tradewind_relay")
    op.execute("CREATE POLICY relay ON dead_letter FOR SELECT TO tradewind_relay USING (true)")
    op.execute("GRANT SELECT ON dead_letter TO tradewind_relay")

    for function in (WORDS, INDEX_PRODUCTS, SEARCH_PRODUCTS):
        op.execute(function)
    op.execute("REVOKE ALL ON FUNCTION index_products(uuid[]) FROM public")
    op.execute("REVOKE ALL ON FUNCTION search_products(tsquery, bigint, uuid, int) FROM public")
    op.execute("GRANT EXECUTE ON FUNCTION index_products(uuid[]) TO tradewind_app")
    op.execute("GRANT EXECUTE ON FUNCTION search_products(tsquery, bigint, uuid, int) TO tradewind_app")

    op.execute(BALANCED)
    op.execute(
        "CREATE CONSTRAINT TRIGGER ledger_balanced AFTER INSERT ON ledger_posting DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION ledger_balanced()"
    )
