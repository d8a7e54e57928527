"""Row-level security: every tenant-owned table, seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from foundation.ids import new_id
from tests.factories import seed_shop
from tradewind import migrations

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

NOT_TENANT_OWNED = {"alembic_version", "tenant", "tenant_domain", "outbox_cursor"}


def _tables(urls: DatabaseUrls) -> set[str]:
    with psycopg.connect(urls.owner) as owner:
        rows = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows}


def test_the_tables_in_the_code_are_those_in_the_database(database_urls: DatabaseUrls) -> None:
    migrations.check(database_urls.owner)


def test_no_tenant_means_no_rows_and_another_tenant_sees_nothing(database_urls: DatabaseUrls) -> None:
    seed_shop(database_urls, "grocer")
    with psycopg.connect(database_urls.app) as app:
        for tenant in ("", str(new_id())):
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (tenant,))
            for table in _tables(database_urls) - NOT_TENANT_OWNED:
                count = app.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
                assert count == (0,), table
            assert app.execute("SELECT * FROM search_products('tomato', NULL, NULL, 10)").fetchall() == []


def test_a_row_of_another_tenant_can_not_be_written(database_urls: DatabaseUrls) -> None:
    mine, theirs = seed_shop(database_urls, "grocer"), seed_shop(database_urls, "fashion")
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(mine.id),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(
                "INSERT INTO customer (tenant_id, id, reference, display_name) VALUES (%s, %s, 'x', 'x')",
                (theirs.id, new_id()),
            )


def test_a_reference_can_not_cross_tenants(database_urls: DatabaseUrls) -> None:
    mine, theirs = seed_shop(database_urls, "grocer"), seed_shop(database_urls, "fashion")
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(mine.id),))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            app.execute(
                "INSERT INTO variant (tenant_id, id, product_id, sku) VALUES (%s, %s, %s, 'x')",
                (mine.id, new_id(), theirs.products[0].product_id),
            )


@pytest.mark.parametrize("table", ["ledger_posting", "stock_movement", "outbox"])
def test_what_is_append_only_can_not_be_changed(database_urls: DatabaseUrls, table: str) -> None:
    with psycopg.connect(database_urls.app) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def test_the_ledger_refuses_what_does_not_balance(database_urls: DatabaseUrls) -> None:
    shop = seed_shop(database_urls, "grocer")
    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        connection.execute(
            "INSERT INTO ledger_posting (tenant_id, id, transaction_id, account, amount, currency, reference_id,"
            " occurred_at) VALUES (%s, %s, %s, 'sales', -5, 'USD', %s, now())",
            (shop.id, new_id(), new_id(), new_id()),
        )
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.commit()
