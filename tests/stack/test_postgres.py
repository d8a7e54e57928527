"""The embedded Postgres: what it keeps, and what its roles can't do."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tradewind.engines.postgres import APP, EXTENSIONS, OWNER, SUPERUSER, PostgresServer

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres") / "data") as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path / "data") as server:
        yield server


def test_committed_rows_survive_kill_9_and_a_stale_lock(own_server: PostgresServer) -> None:
    with psycopg.connect(own_server.url(OWNER), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    own_server.kill()
    assert (own_server.data_dir / "postmaster.pid").exists()

    own_server.start()

    with psycopg.connect(own_server.url(OWNER)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_lock_whose_process_id_now_belongs_to_another_program_is_removed(own_server: PostgresServer) -> None:
    own_server.kill()
    lock = own_server.data_dir / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    own_server.start()

    assert own_server.answers()


def test_a_second_start_keeps_the_passwords(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "data") as first:
        password = first.url(OWNER).split("@")[0]
    with PostgresServer(tmp_path / "data") as second:
        assert second.url(OWNER).split("@")[0] == password
        assert second.answers()


def test_lost_passwords_are_replaced(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "data") as first:
        old = first.url(SUPERUSER)
    (tmp_path / "passwords.json").unlink()
    with PostgresServer(tmp_path / "data") as second:
        assert second.url(SUPERUSER) != old
        assert second.answers()


def test_a_deleted_cluster_is_made_anew_with_the_passwords_that_are_left(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "data") as first:
        superuser = first.url(SUPERUSER).split("@")[0]
    shutil.rmtree(first.data_dir)
    with PostgresServer(tmp_path / "data") as second:
        assert second.answers()
        assert second.url(SUPERUSER).split("@")[0] == superuser


def test_passwords_are_readable_by_their_owner_alone(server: PostgresServer) -> None:
    assert stat.S_IMODE(server.data_dir.with_name("passwords.json").stat().st_mode) == 0o600


def test_a_wrong_password_and_a_missing_one_are_refused(server: PostgresServer) -> None:
    right = server.url(APP)
    password = right.split(":")[2].split("@")[0]
    for wrong in (right.replace(password, "guess"), right.replace(f":{password}", "")):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(wrong)


def test_nothing_listens_beyond_loopback(server: PostgresServer) -> None:
    with server.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)


def test_the_extensions_are_there(server: PostgresServer) -> None:
    with server.connect("tradewind") as connection:
        present = {name for (name,) in connection.execute("SELECT extname FROM pg_extension")}
    assert present >= set(EXTENSIONS)


def test_the_app_can_create_no_table_not_even_a_temporary_one(server: PostgresServer) -> None:
    with psycopg.connect(server.url(APP), autocommit=True) as connection:
        for statement in ("CREATE TABLE mine (n int)", "CREATE TEMP TABLE mine (n int)", "CREATE SCHEMA mine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_app_cannot_bypass_row_level_security(server: PostgresServer) -> None:
    with psycopg.connect(server.url(OWNER), autocommit=True) as connection:
        connection.execute("CREATE TABLE secret (tenant int)")
        connection.execute("INSERT INTO secret VALUES (1), (2)")
        connection.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
        connection.execute("CREATE POLICY one ON secret USING (tenant = 1)")
        connection.execute(f"GRANT SELECT ON secret TO {APP}")
    with psycopg.connect(server.url(APP), autocommit=True) as connection:
        assert connection.execute("SELECT tenant FROM secret").fetchall() == [(1,)]
        connection.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT tenant FROM secret")
        for statement in (
            "ALTER TABLE secret DISABLE ROW LEVEL SECURITY",
            f"ALTER ROLE {APP} BYPASSRLS",
            f"SET ROLE {OWNER}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_app_cannot_enter_another_database(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(server.url(APP, "dagster"))


def test_a_stop_ends_open_sessions(own_server: PostgresServer) -> None:
    with psycopg.connect(own_server.url(APP)) as connection:
        pid = own_server.pid
        assert pid is not None
        own_server.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


def test_each_test_gets_the_migrated_schema_and_nobody_elses_rows(database_urls: Any, postgres_server: Any) -> None:
    assert database_urls.app != postgres_server.url(APP)
    with psycopg.connect(database_urls.relay) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
