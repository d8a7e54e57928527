"""Nobody's rows are read or written but the transaction's tenant's: Postgres's catalogue, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from foundation.ids import new_id
from tests.factories import seed_shop
from tests.security.row_security import SHARED, faults, tenant_tables
from tradewind.engines.postgres import DATABASE, SUPERUSER

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls, RunPostgres

_GUARDED = "ALTER TABLE planted ENABLE ROW LEVEL SECURITY; ALTER TABLE planted FORCE ROW LEVEL SECURITY;"
_TABLE = f"CREATE TABLE planted (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id)); {_GUARDED}"
_MINE = "(tenant_id = (SELECT current_tenant()))"
_POLICY = f"CREATE POLICY tenant ON planted USING {_MINE} WITH CHECK {_MINE};"
_GOOD = f"{_TABLE} {_POLICY}"

PLANTED = {
    "a table that nobody thought of": (
        "CREATE TABLE planted (id uuid PRIMARY KEY)",
        "planted: row-level security is not both enabled and forced",
    ),
    "row-level security that the owner passes over": (
        f"{_GOOD} ALTER TABLE planted NO FORCE ROW LEVEL SECURITY",
        "planted: row-level security is not both enabled and forced",
    ),
    "a partition that is read by its own name": (
        "CREATE TABLE planted (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);"
        f"{_GUARDED} {_POLICY} CREATE TABLE planted_0 PARTITION OF planted FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        "planted_0: row-level security is not both enabled and forced",
    ),
    "a policy that is always true": (
        f"{_TABLE} CREATE POLICY tenant ON planted USING (true)",
        "planted: the policy tenant lets public see or write what is not the tenant's own",
    ),
    "a policy more, that lets the app see all": (
        "CREATE POLICY more ON orders FOR SELECT TO tradewind_app USING (true)",
        "orders: the policy more lets tradewind_app see or write what is not the tenant's own",
    ),
    "a policy that lets another tenant's row be written": (
        f"{_TABLE} CREATE POLICY tenant ON planted USING {_MINE} WITH CHECK (true)",
        "planted: the policy tenant lets public see or write what is not the tenant's own",
    ),
    "a command without a policy": (
        f"{_TABLE} CREATE POLICY tenant ON planted FOR SELECT USING {_MINE}",
        "planted: no policy for INSERT, UPDATE, DELETE",
    ),
    "a key without the tenant": (
        f"CREATE TABLE planted (tenant_id uuid, id uuid PRIMARY KEY); {_GUARDED} {_POLICY}",
        "planted: its primary key does not begin with tenant_id",
    ),
    "a uniqueness over all tenants": (
        f"{_GOOD} CREATE UNIQUE INDEX planted_id ON planted (id)",
        "planted: planted_id is unique over all tenants",
    ),
    "a reference without the tenant": (
        "CREATE UNIQUE INDEX product_id ON product (id);"
        "ALTER TABLE variant ADD CONSTRAINT planted FOREIGN KEY (product_id) REFERENCES product (id)",
        "variant: planted refers to product without the tenant",
    ),
    "the right to empty a table": (
        "GRANT TRUNCATE ON orders TO tradewind_app",
        "orders: tradewind_app may TRUNCATE",
    ),
    "a right that everybody has": ("GRANT SELECT ON orders TO public", "orders: everybody may SELECT"),
    "a table of nobody's, written by the app": (
        "GRANT UPDATE (seq) ON outbox_cursor TO tradewind_app",
        "outbox_cursor: belongs to no tenant, and tradewind_app may UPDATE",
    ),
    "the directory, written by any tenant": (
        "CREATE POLICY more ON tenant FOR UPDATE USING (true)",
        "tenant: the policy more lets public see or write what is not the tenant's own",
    ),
    "the directory without its policies": (
        "ALTER TABLE tenant_domain DISABLE ROW LEVEL SECURITY",
        "tenant_domain: row-level security is not enabled",
    ),
    "a view that reads as its owner": (
        "CREATE VIEW planted AS SELECT * FROM orders",
        "planted: the view reads with its owner's rights",
    ),
    "a materialised view": (
        "CREATE MATERIALIZED VIEW planted AS SELECT 1",
        "planted: a materialised view has no policies",
    ),
    "a function that lends its owner's rights": (
        "CREATE FUNCTION planted() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "planted(): runs with its owner's rights",
    ),
    "a function whose tables the caller may shadow": (
        "ALTER FUNCTION search_products(tsquery, bigint, uuid, int) SET search_path = public",
        "search_products(query tsquery, after_score bigint, after_product uuid, max_rows integer): whoever calls it may"
        " put a table of their own before ours",
    ),
    "an app that is a member of the owner": (
        "GRANT tradewind_owner TO tradewind_app",
        "tradewind_app: is a member of tradewind_owner",
    ),
    "an app that reads all data": (
        "GRANT pg_read_all_data TO tradewind_app",
        "tradewind_app: is a member of pg_read_all_data",
    ),
    "an app that bypasses": ("ALTER ROLE tradewind_app BYPASSRLS", "tradewind_app: may do more than its work"),
    "an app that owns a table": ("ALTER TABLE orders OWNER TO tradewind_app", "tradewind_app: owns orders"),
    "an app that may make tables": (
        "GRANT CREATE ON SCHEMA public TO tradewind_app",
        "tradewind_app: may create in public",
    ),
}


@pytest.fixture(scope="module")
def catalogue(postgres_server: RunPostgres) -> Iterator[psycopg.Connection[Any]]:
    """The migrated template as the superuser; whatever is planted there is rolled back."""
    with psycopg.connect(postgres_server.url(SUPERUSER, DATABASE)) as connection:
        yield connection
        connection.rollback()


@pytest.mark.both_homes
def test_every_rule_holds(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.owner) as connection:
        assert faults(connection) == []
        assert len(tenant_tables(connection)) > 50


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_named(postgres_server: RunPostgres, database_urls: DatabaseUrls, planted: str) -> None:
    statement, fault = PLANTED[planted]
    name = psycopg.conninfo.conninfo_to_dict(database_urls.owner)["dbname"]
    with psycopg.connect(postgres_server.url(SUPERUSER, str(name))) as connection:
        connection.execute(statement)
        found = faults(connection)
        connection.rollback()
    assert fault in found


def test_the_shared_tables_hold_no_secrets_and_no_persons(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.owner) as connection:
        columns = connection.execute(
            "SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = ANY (%s) GROUP BY 1",
            (list(SHARED),),
        ).fetchall()
    assert dict(columns)["tenant_domain"] == ["host", "is_primary", "tenant_id"]


def test_the_named_function_gives_the_products_of_the_transactions_tenant_only(database_urls: DatabaseUrls) -> None:
    mine, theirs = seed_shop(database_urls, "grocer"), seed_shop(database_urls, "fashion")
    found = {}
    with psycopg.connect(database_urls.app) as app:
        for tenant in (str(mine.id), str(theirs.id), str(new_id()), ""):
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (tenant,))
            rows = app.execute("SELECT product_id FROM search_products('tomato', NULL, NULL, 100)").fetchall()
            found[tenant] = {product for (product,) in rows}
    of_each = {
        str(shop.id): {sold.product_id for sold in shop.products if "Tomato" in sold.title} for shop in (mine, theirs)
    }
    assert found == {**of_each, "": set(), next(tenant for tenant in found if tenant and tenant not in of_each): set()}


def test_a_table_of_the_callers_own_does_not_take_the_place_of_ours(
    postgres_server: RunPostgres, database_urls: DatabaseUrls
) -> None:
    shop = seed_shop(database_urls, "grocer")
    name = str(psycopg.conninfo.conninfo_to_dict(database_urls.owner)["dbname"])
    with psycopg.connect(postgres_server.url(SUPERUSER, name), autocommit=True) as superuser:
        superuser.execute(
            psycopg.sql.SQL("GRANT TEMP ON DATABASE {} TO tradewind_app").format(psycopg.sql.Identifier(name))
        )
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        app.execute("CREATE TEMP TABLE search_document (tenant_id uuid, product_id uuid, rank bigint, words tsvector)")
        app.execute("GRANT SELECT ON search_document TO public")
        assert len(app.execute("SELECT * FROM search_products('tomato', NULL, NULL, 100)").fetchall()) == 2


def test_another_tenants_products_are_not_indexed(database_urls: DatabaseUrls) -> None:
    mine, theirs = seed_shop(database_urls, "grocer"), seed_shop(database_urls, "fashion")
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(mine.id),))
        row = app.execute("SELECT index_products(%s)", ([theirs.products[0].product_id],)).fetchone()
    assert row == (0,)
