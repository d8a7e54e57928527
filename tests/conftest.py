"""The real Postgres under every test that asks for one.

One server a run, started by the process that leads it and handed to the workers; the migrations run once, into a
template; each test gets its own copy of it.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import psycopg
import pytest
import redis
import structlog
from psycopg import sql

from foundation import sealing
from tests import factories
from tests.apart import told_apart
from tests.engines.clickhouse_server import clickhouse_database, clickhouse_url
from tests.put_back import PutBack
from tests.run_folders import remove_abandoned, run_folder
from tradewind import migrations
from tradewind.engines.postgres import (
    APP,
    DATABASE,
    OWNER,
    RELAY,
    SUPERUSER,
    THROWAWAY,
    PostgresServer,
    create_database,
)
from tradewind.engines.valkey import ValkeyServer

__all__ = ["clickhouse_database", "clickhouse_url"]

# What fails first is enough where only whether it fails is asked; shrinking it takes minutes.
hypothesis.settings.register_profile("first", phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])

POSTGRES_ADDRESSES = "TRADEWIND_TEST_POSTGRES"
"""Names the server to whoever runs the tests many times over: a role's URL by its role, as JSON."""
_WORKER_INPUT = "postgres_addresses"
# What is sealed in one process is opened in others, so every process of a run has the same keys.
os.environ.setdefault("TRADEWIND_ENCRYPTION_KEYS", f"test:{base64.b64encode(bytes(32)).decode()}")
os.environ.setdefault("TRADEWIND_INDEX_KEY", base64.b64encode(bytes(range(32))).decode())
# The passwords of tests guard nothing, and each app hashes one as it starts: with as little work as the settings allow.
os.environ.setdefault("TRADEWIND_ARGON2_MEMORY_KIB", "8192")
os.environ.setdefault("TRADEWIND_ARGON2_PASSES", "1")
# Tests ask as often as they like; those about limits say otherwise.
os.environ.setdefault("TRADEWIND_UNLIMITED_NETWORKS", "127.0.0.0/8")
# A traceback in colours, with what every variable held, takes a second to draw.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
# Most of what lives was imported, and the collector would look through it again and again.
gc.set_threshold(100_000, 50, 100)
ROOM = 2 * 2**30
"""Bytes that a run's databases may come to."""
_until_the_run_ends = ExitStack()


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database as each of the roles that use it."""

    app: str
    owner: str
    relay: str


@dataclass(frozen=True, slots=True)
class RunPostgres:
    """The run's server; its database `tradewind` is the migrated template, which nobody may write to."""

    addresses: Mapping[str, str]
    """A role's URL, `{database}` in place of the database."""

    def url(self, role: str, database: str = DATABASE) -> str:
        return self.addresses[role].format(database=database)

    def urls(self, database: str) -> DatabaseUrls:
        return DatabaseUrls(self.url(APP, database), self.url(OWNER, database), self.url(RELAY, database))


def _memory() -> Path | None:
    """A file system in memory with room for a run, where there is one: a copy of the template takes a sixth of the time
    there.
    """
    shared = Path("/dev/shm")
    remove_abandoned(shared)
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > ROOM else None


# The files of tests go there too: on a disk, an engine that a test starts waits seconds for its own to be safe.
if memory := _memory():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@cache
def _start_server() -> dict[str, str]:
    given = os.environ.get(POSTGRES_ADDRESSES)
    if given:
        return dict(json.loads(given))
    folder = _until_the_run_ends.enter_context(run_folder(_memory()))
    server = _until_the_run_ends.enter_context(PostgresServer(folder / "data", settings=THROWAWAY))
    migrations.upgrade(server.url(OWNER))
    return {role: server.url(role, "{database}") for role in (SUPERUSER, OWNER, APP, RELAY)}


class Seed(Protocol):
    """What can be sown in a database, by its value: equal seeds are one."""

    def sown(self, urls: DatabaseUrls) -> Any:
        """Make it there, and say what was made."""


Sowing = Callable[[frozenset[Seed]], tuple[str, Mapping[Seed, Any]]]
"""Makes a database in which these are sown, once, and gives its name and what was made."""
Copying = Callable[[frozenset[Seed], str], str]
"""Copies it once for all cases of a test, and gives the copy's name."""


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a new xdist worker where the server is; it belongs to the process that outlives the workers."""
    node.workerinput[_WORKER_INPUT] = _start_server()


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_unconfigure() -> None:
    _until_the_run_ends.close()


@pytest.fixture(scope="session", autouse=True)
def event_spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where events of browsers wait when a test names no other place; nobody carries them on."""
    folder = tmp_path_factory.mktemp("events")
    os.environ["TRADEWIND_EVENT_SPOOL"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> RunPostgres:
    """The run's one Postgres."""
    worker_input: Mapping[str, Any] = getattr(request.config, "workerinput", {})
    return RunPostgres(worker_input.get(_WORKER_INPUT) or _start_server())


@pytest.fixture(scope="session")
def _superuser(postgres_server: RunPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        yield connection


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `both_homes` once for tenants that share a database, and once for those with one of their own."""
    if metafunc.definition.get_closest_marker("both_homes"):
        metafunc.parametrize("apart", [False, True], ids=["shared", "apart"])


@pytest.fixture
def apart() -> bool:
    """Whether the test's tenants have a database of their own (`tests/apart.py`)."""
    return bool(os.environ.get("TRADEWIND_TEST_APART"))


@pytest.fixture(scope="session")
def _sown(postgres_server: RunPostgres, _superuser: psycopg.Connection) -> Iterator[Sowing]:
    made = []

    @cache
    def sown(seeds: frozenset[Seed]) -> tuple[str, Mapping[Seed, Any]]:
        if not seeds:
            return DATABASE, {}
        name = f"sown_{uuid.uuid4().hex}"
        create_database(_superuser, name, template=DATABASE)
        made.append(name)
        return name, {seed: seed.sown(postgres_server.urls(name)) for seed in seeds}

    yield sown
    for name in made:
        _drop(_superuser, name)


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> frozenset[Seed]:
    """What is in the test's database from the beginning: what a fixture of it names by a `seed_of_` fixture. Sowing it
    takes longer than copying a database in which it is.
    """
    names = (name for name in request.fixturenames if name.startswith("seed_of_"))
    return frozenset(request.getfixturevalue(name) for name in names)


@pytest.fixture
def seeded(database_urls: DatabaseUrls, _sown: Sowing, seeds: frozenset[Seed], *, apart: bool) -> Mapping[Seed, Any]:
    """What was made of each seed. Shops apart are told of as they are made, so they are made here."""
    return {seed: seed.sown(database_urls) for seed in seeds} if apart else _sown(seeds)[1]


@pytest.fixture(scope="session")
def seed_of_grocer() -> factories.Seed:
    """A shop as most tests want one; those of a folder may sow another."""
    return factories.Seed("grocer")


@pytest.fixture
def grocer(seed_of_grocer: Seed, seeded: Mapping[Seed, Any]) -> factories.SeededShop:
    """The shop of `seed_of_grocer`."""
    shop: factories.SeededShop = seeded[seed_of_grocer]
    return shop


@pytest.fixture(scope="session")
def _copied(_superuser: psycopg.Connection, _sown: Sowing) -> Iterator[Copying]:
    with ExitStack() as until_over:

        @cache
        def copied(seeds: frozenset[Seed], _test: str) -> str:
            name = f"shared_{uuid.uuid4().hex}"
            template, _ = _sown(seeds)
            create_database(_superuser, name, template=template)
            until_over.callback(_drop, _superuser, name)
            return name

        yield copied


@pytest.fixture(scope="session")
def _at_rest() -> Iterator[dict[frozenset[Seed], list[PutBack]]]:
    """Copies that were put back, by what is sown in them."""
    at_rest: dict[frozenset[Seed], list[PutBack]] = defaultdict(list)
    yield at_rest
    for copies in at_rest.values():
        for copy in copies:
            copy.close()


@pytest.fixture
def database_urls(
    request: pytest.FixtureRequest,
    postgres_server: RunPostgres,
    _superuser: psycopg.Connection,
    _sown: Sowing,
    _copied: Copying,
    _at_rest: dict[frozenset[Seed], list[PutBack]],
    seeds: frozenset[Seed],
    *,
    apart: bool,
) -> Iterator[DatabaseUrls]:
    """A database of the test's own: migrated, with nothing but what is seeded, put back or dropped after. What is
    marked `one_database` shares one with its other cases.
    """
    sealing._at_hand.clear()  # the same people have other keys in another copy
    if not apart and request.node.get_closest_marker("one_database"):
        yield postgres_server.urls(_copied(seeds, request.node.nodeid.partition("[")[0]))
        return
    if apart:
        name = f"test_{uuid.uuid4().hex}"
        create_database(_superuser, name, template=DATABASE)
        with told_apart(postgres_server, _superuser, name):
            yield postgres_server.urls(name)
        _drop(_superuser, name)
        return
    copy = _at_rest[seeds].pop() if _at_rest[seeds] else _copy(postgres_server, _superuser, _sown(seeds)[0])
    yield postgres_server.urls(copy.name)
    if copy.again():
        _at_rest[seeds].append(copy)
    else:
        copy.close()
        _drop(_superuser, copy.name)


def _copy(postgres: RunPostgres, superuser: psycopg.Connection, template: str) -> PutBack:
    name = f"test_{uuid.uuid4().hex}"
    create_database(superuser, name, template=template)
    return PutBack.of(name, postgres.url(SUPERUSER, name))


def _drop(superuser: psycopg.Connection, name: str) -> None:
    superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey") / "data") as server:
        yield server


@pytest.fixture
def valkey_url(_valkey: ValkeyServer) -> Iterator[str]:
    """The worker's Valkey, emptied after the test."""
    yield _valkey.url()
    with redis.Redis.from_url(_valkey.url()) as client:
        client.flushall()
