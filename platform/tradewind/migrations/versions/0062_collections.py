"""Collections of products, which of them each holds, and what changed that they go by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)
_NOW = sa.text("now()")
_SORTS = "('by_hand', 'best_selling', 'newest', 'price_asc', 'price_desc', 'title')"
MANY = 100
"""Changed by one statement, and all of the shop's products are noted at once."""

# Shops without collections pay one look-up for it. What leaves with its shop, or arrives with it, is no change.
NOTE_CHANGED = f"""
CREATE FUNCTION note_collections_due() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       IF concat(current_setting('tradewind.removing', true), current_setting('tradewind.arriving', true)) <> ''
          OR NOT EXISTS (SELECT FROM collection WHERE tenant_id = (SELECT current_tenant())) THEN
           RETURN NULL;
       END IF;
       EXECUTE format(
           'WITH about AS (%s), shop AS (SELECT tenant_id, count(DISTINCT product_id) AS many FROM about GROUP BY 1)
            INSERT INTO collection_due (tenant_id, id, product_id)
            SELECT shop.tenant_id, gen_random_uuid(), one.product_id
            FROM shop LEFT JOIN LATERAL (
                SELECT DISTINCT product_id FROM about
                WHERE about.tenant_id = shop.tenant_id AND shop.many <= {MANY}) one ON true', tg_argv[0]);
       RETURN NULL;
   END $$
"""  # noqa: S608  (a number and the triggers' own arguments)

# Of the variant, and of the bundles that are made of it.
NOTE_CROSSED = """
CREATE FUNCTION note_collections_stock() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       INSERT INTO collection_due (tenant_id, id, product_id)
       SELECT tenant_id, gen_random_uuid(), product_id
       FROM variant WHERE tenant_id = new.tenant_id AND id IN (
           SELECT new.variant_id
           UNION SELECT variant_id FROM bundle_component
           WHERE tenant_id = new.tenant_id AND component_id = new.variant_id)
         AND EXISTS (SELECT FROM collection WHERE tenant_id = (SELECT current_tenant()));
       RETURN NULL;
   END $$
"""

NOTE_MOVED = """
CREATE FUNCTION note_collections_category() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
       INSERT INTO collection_due (tenant_id, id)
       SELECT new.tenant_id, gen_random_uuid()
       WHERE EXISTS (SELECT FROM collection WHERE tenant_id = (SELECT current_tenant()));
       RETURN NULL;
   END $$
"""

_OF_VARIANT = "SELECT c.tenant_id, v.product_id FROM changed c JOIN variant v ON (v.tenant_id, v.id) = (c.tenant_id, c.variant_id)"
ABOUT = {
    "product": "SELECT tenant_id, id AS product_id FROM changed",
    "variant": "SELECT tenant_id, product_id FROM changed",
    "price": _OF_VARIANT,
    "price_offer": _OF_VARIANT,
    "bundle_component": _OF_VARIANT,
}
ADDED_OR_GONE = {**ABOUT, "stock": _OF_VARIANT, "stock_policy": _OF_VARIANT}
CROSSED = {
    "stock": "(old.available > old.kept_back) IS DISTINCT FROM (new.available > new.kept_back)",
    "stock_policy": "(old.promised < old.backorder_limit) IS DISTINCT FROM (new.promised < new.backorder_limit)",
}


def upgrade() -> None:
    op.add_column("product", sa.Column("published_at", _AT, nullable=True))
    op.create_index("ix_price_period_begins", "price_period", ["tenant_id", "starts_at"])
    _create_tables()
    for function in (NOTE_CHANGED, NOTE_CROSSED, NOTE_MOVED):
        op.execute(function)
    for table, about in ADDED_OR_GONE.items():
        _note(table, "insert", "NEW", about)
        _note(table, "delete", "OLD", about)
    for table, about in ABOUT.items():
        _note(table, "update", "NEW", about)
    for table, condition in CROSSED.items():
        _note_rows(table, condition, "note_collections_stock")
    _note_rows("category", "old.path IS DISTINCT FROM new.path", "note_collections_category")


def _create_tables() -> None:
    op.create_table(
        "collection",
        *owned("collection"),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", JSONB(), nullable=True),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("published", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("starts_at", _AT, nullable=True),
        sa.Column("ends_at", _AT, nullable=True),
        sa.Column("menu_position", sa.Integer(), nullable=True),
        sa.Column("picture_of", sa.Uuid(), nullable=True),
        sa.Column("product_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("filled_at", _AT, nullable=True),
        sa.Column("due_at", _AT, nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", _AT, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _AT, server_default=_NOW, nullable=False),
        belongs("collection", "product", "picture_of"),
        sa.CheckConstraint(f"sort IN {_SORTS}", name=op.f("ck_collection_sort")),
        sa.CheckConstraint("sort <> 'by_hand' OR rule IS NULL", name=op.f("ck_collection_by_hand")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_collection_window")),
    )
    op.create_index("uq_collection_handle", "collection", ["tenant_id", "handle"], unique=True)
    op.create_index(
        "ix_collection_due", "collection", ["tenant_id", "due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_table(
        "collection_product",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "collection_id", "product_id", name=op.f("pk_collection_product")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            name=op.f("fk_collection_product_tenant_id_collection_id"),
            ondelete="CASCADE",
        ),
        belongs("collection_product", "product", "product_id"),
    )
    op.create_index(
        "ix_collection_product_place", "collection_product", ["tenant_id", "collection_id", "place", "product_id"]
    )
    op.create_index("ix_collection_product_product", "collection_product", ["tenant_id", "product_id"])
    op.create_table("collection_due", *owned("collection_due"), sa.Column("product_id", sa.Uuid(), nullable=True))
    own_by_tenant("collection", "collection_product", "collection_due")


def _note(table: str, event: str, rows: str, about: str) -> None:
    op.execute(
        f"CREATE TRIGGER collections_{event} AFTER {event.upper()} ON {table} REFERENCING {rows} TABLE AS changed "
        f"FOR EACH STATEMENT EXECUTE FUNCTION note_collections_due('{about}')"
    )


def _note_rows(table: str, condition: str, function: str) -> None:
    op.execute(
        f"CREATE TRIGGER collections_crossed AFTER UPDATE ON {table} FOR EACH ROW WHEN ({condition}) "
        f"EXECUTE FUNCTION {function}()"
    )
