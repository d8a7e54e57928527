"""What the catalogue says in other languages; the titles of products among them are words that search finds them by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

TABLES = ("product", "category", "brand", "collection", "attribute")
INDEX_PRODUCTS = """
CREATE OR REPLACE FUNCTION index_products(products uuid[]) RETURNS bigint
LANGUAGE sql SECURITY INVOKER SET search_path = public, pg_temp AS
$$ WITH written AS (
       INSERT INTO search_document (tenant_id, product_id, rank, words)
       SELECT p.tenant_id, p.id, p.rank, search_words(concat_ws(' ', p.title, others.titles), p.brand, c.name)
       FROM product p LEFT JOIN category c ON (c.tenant_id, c.id) = (p.tenant_id, p.category_id)
       CROSS JOIN LATERAL (
           SELECT string_agg(t.value ->> 'title', ' ') AS titles FROM jsonb_each(p.translations) t) others
       WHERE p.tenant_id = current_tenant() AND p.id = ANY (products) AND p.status = 'published'
       ON CONFLICT (tenant_id, product_id) DO UPDATE
           SET rank = excluded.rank, words = excluded.words, updated_at = now()
       RETURNING 1)
   SELECT count(*) FROM written $$
"""


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("translations", JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.execute(INDEX_PRODUCTS)
