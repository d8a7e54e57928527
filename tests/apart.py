"""A second database of the run's server, for tenants that have one of their own.

With `TRADEWIND_TEST_APART=1` every test's tenants have one: `make apart`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from foundation.database import Database
from tradewind.engines.postgres import APP, DATABASE, SUPERUSER, create_database

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls, RunPostgres


@pytest.fixture
def second_database(postgres_server: RunPostgres) -> Iterator[DatabaseUrls]:
    """Migrated, empty, dropped after."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url(SUPERUSER, "postgres"), autocommit=True) as superuser:
        create_database(superuser, name, template=DATABASE)
        yield postgres_server.urls(name)
        superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


_MIRROR = """
    CREATE EXTENSION dblink;
    ALTER TABLE tenant ALTER home SET DEFAULT {home};
    CREATE FUNCTION mirror() RETURNS trigger LANGUAGE plpgsql AS
    $$ DECLARE row jsonb := to_jsonb(CASE tg_op WHEN 'DELETE' THEN old ELSE new END);
       BEGIN
           PERFORM dblink_exec({shared}, CASE tg_op
               WHEN 'DELETE' THEN format('DELETE FROM %I WHERE %I = %L', tg_table_name, tg_argv[0], row ->> tg_argv[0])
               ELSE format('INSERT INTO %1$I SELECT (jsonb_populate_record(NULL::%1$I, %2$L)).*'
                           ' ON CONFLICT (%3$I) DO ' || tg_argv[1], tg_table_name, row, tg_argv[0]) END);
           RETURN NULL;
       END $$;
    CREATE TRIGGER mirror AFTER INSERT OR DELETE ON tenant FOR EACH ROW EXECUTE FUNCTION mirror('id', 'NOTHING');
    CREATE TRIGGER mirror AFTER INSERT OR DELETE ON tenant_domain FOR EACH ROW EXECUTE FUNCTION mirror('host', 'NOTHING');
    CREATE CONSTRAINT TRIGGER opened AFTER UPDATE OF slug ON tenant DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION mirror('id', 'UPDATE SET (slug, name, currency, locale, status, settings) =
            (excluded.slug, excluded.name, excluded.currency, excluded.locale, excluded.status, excluded.settings)');
"""
HOME = "apart"
# Some tests write as a tenant that nobody has made.
_STRANGERS = """
    DO $do$ BEGIN EXECUTE replace(
        pg_get_functiondef('enter_tenant'::regproc), $$coalesce(stands, '')$$, $$coalesce(stands, '{home}')$$); END $do$
"""


@contextmanager
def told_apart(server: RunPostgres, superuser: psycopg.Connection, own: str) -> Iterator[None]:
    """Every tenant that a test makes in the database `own` has it for its own, and another one for its directory.

    What tests do by hand goes to `own`; a `Database` that is given the address of `own` is given the shared one, and
    `own` beside it. The settings have its name, those of other processes too. The shared directory hears of tenants and
    host names as it does of a tenant that was moved.
    """
    shared = f"{own}_shared"
    create_database(superuser, shared, template=DATABASE)
    as_superuser = sql.Literal(server.url(SUPERUSER, shared))
    for database in (own, shared):
        with psycopg.connect(server.url(SUPERUSER, database)) as connection:
            connection.execute(_STRANGERS.format(home=HOME))
    with psycopg.connect(server.url(SUPERUSER, own), autocommit=True) as connection:
        connection.execute(sql.SQL(_MIRROR).format(home=sql.Literal(HOME), shared=as_superuser))
    urls = server.urls(own)
    named = {HOME: {"url": urls.app, "owner_url": urls.owner, "relay_url": urls.relay}}
    begin = Database.__init__

    def both(self: Database, url: str, *, pool_size: int = 10, apart: Mapping[str, str] | None = None) -> None:
        here = url == server.url(APP, own)
        begin(
            self,
            server.url(APP, shared) if here else url,
            pool_size=pool_size,
            apart={HOME: url, **(apart or {})} if here else apart,
        )

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Database, "__init__", both)
        patched.setenv("TRADEWIND_DATABASES", json.dumps(named))
        yield
    superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(shared)))
