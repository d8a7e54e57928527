"""Postgres: one engine a worker and database, a session a use case, and the tenant set before the first statement.

Row-level security decides what a session sees. The tenant is set by `set_config(..., is_local => true)` as each
transaction begins, so a pooled connection can't carry it to the next. With no tenant set a table has no rows.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import Connection, MetaData, TextClause, event, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction

from foundation.errors import Unavailable
from foundation.settings import Settings

log = structlog.get_logger(__name__)
_Entered = TypeVar("_Entered")

TENANT_SETTING = "tradewind.tenant_id"
_TENANT = "tenant_id"
_PLACE = "place"
UNACKNOWLEDGED_MS = 10_000
"""How long a packet may wait for its acknowledgement. Without a limit a commit whose connection was cut hung for
minutes, which is when the kernel gives up by itself."""
STATEMENT_SECONDS = 30.0
"""How long a statement may take, so that a server that is reached and never answers is given up too."""
STATEMENTS = 1_000
"""Prepared statements that a connection keeps: more than there are, and for as long as it lives. Preparing and planning
a statement costs several times what it costs to run."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


SHARED = ""
"""The name of the database that tenants share."""
RETRY_SECONDS = 5
"""When to ask again while a shop is being moved."""
HOPS = 4
"""Databases that are asked for a tenant that is being moved, before it is given up."""


class DatabaseUnavailable(Unavailable):
    """The database can't be reached right now; whether the work was done is not known: ask again, with the same key."""

    code = "service.database_unavailable"


class ShopMoving(DatabaseUnavailable):
    """The shop is being moved to another database: for a moment nothing can be changed. Ask again with the same key."""

    code = "service.shop_moving"

    retry_after: int = RETRY_SECONDS
    """Seconds, also in the `Retry-After` header."""


class _Elsewhere(Exception):
    """The tenant's rows are in the database `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class SchemaBehind(RuntimeError):
    """A database of a tenant's own has not the schema that the shared one has."""

    def __init__(self, name: str, found: str | None, expected: str | None) -> None:
        super().__init__(
            f"The database {name!r} is at revision {found} and the shared one at {expected}: run `tradewind migrate`."
        )


_MOVED = "TW001"
"""The SQLSTATE by which `enter_tenant` says that the tenant is elsewhere; its message ends with the name."""
_SAYS = "home:"


def _elsewhere(fault: BaseException | None) -> _Elsewhere | None:
    """What a refusal to let a tenant in says of where it is."""
    cause = fault if isinstance(fault, asyncpg.PostgresError) else getattr(fault, "__cause__", None)
    if isinstance(cause, asyncpg.PostgresError) and cause.sqlstate == _MOVED:
        return _Elsewhere(str(cause.args[0]).removeprefix(_SAYS))
    return None


_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
)
"""What asyncpg says when the server is gone, goes down, is full, or doesn't answer."""


@contextmanager
def _reachable() -> Iterator[None]:
    """Say in our own words that the database isn't there.

    Raises:
        DatabaseUnavailable.
        ShopMoving: something was to be changed, and the transaction was let in for reading alone.
    """
    try:
        yield
    except asyncpg.ReadOnlySQLTransactionError as fault:
        raise ShopMoving from fault
    except (*_GONE, DBAPIError, PoolTimeout) as fault:
        if _is_refused_change(fault):
            raise ShopMoving from fault
        if not _is_gone(fault):
            raise
        log.warning("database.unavailable", error=str(fault).splitlines()[:1])
        raise DatabaseUnavailable from fault


def _is_refused_change(fault: BaseException) -> bool:
    cause = fault.orig.__cause__ if isinstance(fault, DBAPIError) and fault.orig else None
    return isinstance(cause, asyncpg.ReadOnlySQLTransactionError)


def _is_gone(fault: BaseException | None) -> bool:
    if isinstance(fault, DBAPIError):
        return fault.connection_invalidated or _is_gone(fault.orig and fault.orig.__cause__)
    # A value that does not fit its parameter is an InterfaceError too.
    return isinstance(fault, (*_GONE, PoolTimeout)) and not isinstance(fault, ValueError)


def _limit_silence(connection: asyncpg.Connection) -> None:
    """Bound how long a cut connection goes unnoticed."""
    socket_of: socket.socket | None = connection._transport.get_extra_info("socket")  # noqa: SLF001  (there is no option)
    if socket_of is None or not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    socket_of.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    socket_of.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, UNACKNOWLEDGED_MS // 2000)
    socket_of.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)


async def _prepare(connection: asyncpg.Connection) -> None:
    _limit_silence(connection)


Witness = Callable[["Tx"], Awaitable[None]]
_witness: ContextVar[Witness | None] = ContextVar("tradewind_witness", default=None)


def witnessed_by(witness: Witness) -> None:
    """Have `witness` called at the end of each transaction of this request that may write, before it commits: what it
    writes is there if, and only if, the rest is.
    """
    _witness.set(witness)


@contextmanager
def unwitnessed() -> Iterator[None]:
    """Transactions inside this block are about the request, and not what it does."""
    token = _witness.set(None)
    try:
        yield
    finally:
        _witness.reset(token)


async def _seen(tx: Tx) -> None:
    witness = _witness.get()
    if witness is not None:
        await witness(tx)


class Base(DeclarativeBase):
    """The tables of the transactional core."""

    metadata = MetaData(naming_convention=NAMING)


@event.listens_for(Session, "after_begin")
def _set_tenant(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    tenant_id = session.info.get(_TENANT)
    if tenant_id is not None:
        values = {"tenant": tenant_id, "place": session.info[_PLACE]}
        connection.execute(text("SELECT enter_tenant(:tenant, :place, true)"), values)


@dataclass(frozen=True, slots=True)
class HotStatement:
    """A read that is compiled once: named parameters in, the bytes of one JSON document out."""

    sql: str
    parameters: tuple[str, ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the statement's positional order."""
        return [values[name] for name in self.parameters]


def hot(statement: TextClause) -> HotStatement:
    """Compile a statement with named parameters for asyncpg."""
    compiled = statement.compile(dialect=asyncpg_dialect())  # type: ignore[no-untyped-call]
    return HotStatement(sql=str(compiled), parameters=tuple(compiled.positiontup or ()))


@dataclass(frozen=True, slots=True)
class Tx:
    """A running transaction of a tenant, as hot statements see it: values by name in, rows out.

    `tenant_id` is given to every statement that names it.
    """

    tenant_id: UUID
    connection: asyncpg.Connection

    async def rows(self, statement: HotStatement, values: Mapping[str, Any] | None = None) -> Sequence[asyncpg.Record]:
        """Every row of the answer. What is personal is sealed on its way in, and opened on its way out."""
        from foundation import veil  # noqa: PLC0415  (it reads its keys through here)

        given: Mapping[str, Any] = {_TENANT: self.tenant_id, **(values or {})}
        if any(isinstance(value, veil.Personal) for value in given.values()):
            given = await veil.covered(self, given)
        found = await self.send(statement.sql, statement.arguments(given))
        return await veil.opened(self, found) if veil.is_covered(found) else found

    async def in_step(self, steps: Iterable[tuple[HotStatement, Mapping[str, Any]]]) -> None:
        """Run statements one after the other, and make the values of each while the one before it runs.

        `steps` makes them as it is asked for them, and asks the database nothing.
        """
        running: asyncio.Task[object] | None = None
        try:
            for statement, values in steps:
                if running is not None:
                    await running
                running = asyncio.create_task(self.rows(statement, values))
                await asyncio.sleep(0)  # it is sent
        finally:
            if running is not None:
                await running

    async def send(self, sql: str, arguments: Sequence[Any]) -> Sequence[asyncpg.Record]:
        """Every row of the answer, as Postgres has it: personal data is sealed."""
        found: Sequence[asyncpg.Record] = await self.connection.fetch(sql, *arguments)
        return found

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """What is done inside is undone by an error that leaves it, and the transaction goes on."""
        await self.connection.execute("SAVEPOINT attempt")
        try:
            yield
        except Exception:
            await self.connection.execute("ROLLBACK TO SAVEPOINT attempt")
            raise
        await self.connection.execute("RELEASE SAVEPOINT attempt")

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[None]:
        """What is done inside is undone at its end, and the transaction goes on."""
        await self.connection.execute("SAVEPOINT rehearsal")
        yield
        await self.connection.execute("ROLLBACK TO SAVEPOINT rehearsal; RELEASE SAVEPOINT rehearsal")

    async def one(self, statement: HotStatement, values: Mapping[str, Any] | None = None) -> asyncpg.Record | None:
        """The first row, or `None`."""
        rows = await self.rows(statement, values)
        return rows[0] if rows else None

    async def json(self, statement: HotStatement, values: Mapping[str, Any] | None = None) -> bytes | None:
        """The first column of the first row, as the bytes Postgres built; `None` when there is no row."""
        row = await self.one(statement, values)
        if row is None or row[0] is None:
            return None
        document: str = row[0]
        return document.encode()


async def tx_of(session: AsyncSession) -> Tx:
    """The transaction that `session` is in, for hot statements; what the session holds is flushed first."""
    await session.flush()
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    return Tx(session.info[_TENANT], raw.driver_connection)


ASSIGNED_BY_HAND = 10_000
"""Below which the OID of a type is the same in every Postgres."""
_types: dict[frozenset[int], Any] = {}


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that knows what another was told of the types that come with Postgres: asking takes three round
    trips and milliseconds of planning for each kind of array that a connection meets.
    """

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float | None) -> Any:
        asked = frozenset(typeoids)
        if max(asked) >= ASSIGNED_BY_HAND:
            return await super()._introspect_types(typeoids, timeout)
        if asked not in _types:
            _types[asked] = await super()._introspect_types(typeoids, timeout)
        return _types[asked]


class _Pooled(_Connection):
    """A connection of the raw pool. It is given back at the end of a transaction, and whatever a transaction sets ends
    with it, so there is nothing to reset: that would be one round trip more for every transaction.
    """

    def get_reset_query(self) -> str:
        """Nothing to send; a transaction that is still open is rolled back all the same."""
        return ""


@dataclass(frozen=True, slots=True)
class Mode:
    """How a transaction of hot statements begins."""

    read_only: bool = False
    plan_once: bool = False
    snapshot: bool = False

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return not (self.read_only or self.snapshot)

    @property
    def begin(self) -> str:
        """The statement."""
        if self.snapshot:
            return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        return "BEGIN READ ONLY" if self.read_only else "BEGIN"


class Place:
    """One database: sessions for use cases, a raw pool for the hot reads, and the way into it as a tenant."""

    def __init__(self, name: str, url: str, *, pool_size: int) -> None:
        self.name = name
        self._dsn = url
        self._pool_size = pool_size
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={"command_timeout": STATEMENT_SECONDS, "connection_class": _Connection},
        )
        event.listen(self.engine.sync_engine, "connect", lambda wrapped, _: _limit_silence(wrapped.driver_connection))
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._pool: asyncpg.Pool | None = None
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID | None) -> AsyncIterator[AsyncSession]:
        """One transaction as a tenant or as nobody; an error rolls it back.

        Raises:
            _Elsewhere: the tenant's rows are in another database.
        """
        async with self._sessions() as session:
            session.info[_TENANT] = tenant_id
            session.info[_PLACE] = self.name
            async with session.begin():
                if tenant_id is not None:
                    try:
                        await session.connection()
                    except DBAPIError as fault:
                        if where := _elsewhere(fault.orig):
                            raise where from None
                        raise
                yield session
                if tenant_id is not None and _witness.get() is not None:
                    await _seen(await tx_of(session))

    @asynccontextmanager
    async def tx(self, tenant_id: UUID, mode: Mode) -> AsyncIterator[Tx]:
        """One transaction as a tenant on a raw connection; an error rolls it back.

        Raises:
            _Elsewhere: the tenant's rows are in another database.
        """
        enter = f"SELECT enter_tenant('{tenant_id}', '{self.name}', {str(mode.writes).lower()})"
        async with self._raw(enter, mode) as connection:
            tx = Tx(tenant_id, connection)
            yield tx
            if mode.writes:
                await _seen(tx)

    @asynccontextmanager
    async def directory(self, tenant_id: UUID) -> AsyncIterator[Tx]:
        """One transaction as a tenant wherever its rows are, for its rows of the tenant directory."""
        enter = f"SELECT set_config('{TENANT_SETTING}', '{tenant_id}', true)"
        async with self._raw(enter, Mode()) as connection:
            yield Tx(tenant_id, connection)

    @asynccontextmanager
    async def _raw(self, enter: str, mode: Mode) -> AsyncIterator[asyncpg.Connection]:
        also = ", set_config('plan_cache_mode', 'force_generic_plan', true)" if mode.plan_once else ""
        pool = await self._raw_pool()
        async with pool.acquire(timeout=5) as connection:
            try:
                # One round trip begins and enters; a UUID's text needs no quoting beyond the quotes.
                await connection.execute(f"{mode.begin}; {enter}{also}")
                yield connection
            except BaseException as fault:
                if not connection.is_closed():
                    await connection.execute("ROLLBACK")
                if where := _elsewhere(fault):
                    raise where from None
                raise
            await connection.execute("COMMIT")

    async def _raw_pool(self) -> asyncpg.Pool:
        if self._pool is None:
            # Of several that come first at once, one makes it.
            async with self._making:
                self._pool = self._pool or await self._made_pool()
        return self._pool

    async def _made_pool(self) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._pool_size,
            command_timeout=STATEMENT_SECONDS,
            statement_cache_size=STATEMENTS,
            max_cached_statement_lifetime=0,
            init=_prepare,
            connection_class=_Pooled,
        )

    async def close(self) -> None:
        """Give every connection back."""
        if self._pool is not None:
            await self._pool.close()
        await self.engine.dispose()


class Database:
    """The way to Postgres for one worker: the shared database, and those that tenants have of their own.

    A tenant's transaction begins in the database where the tenant was last found, at first the shared one. That
    database itself says in the same round trip whether the tenant's rows are there, and if not, where (migration 0047);
    so what is remembered here may be old and is never wrong.
    """

    def __init__(self, url: str, *, pool_size: int = 10, apart: Mapping[str, str] | None = None) -> None:
        """`apart` are the URLs of the databases of their own, by name."""
        self.apart: Mapping[str, str] = apart or {}
        self._pool_size = pool_size
        self._shared = Place(SHARED, url, pool_size=pool_size)
        self._places = {SHARED: self._shared}
        self._homes: dict[UUID, str] = {}

    @classmethod
    def of(cls, settings: Settings, *, pool_size: int) -> Database:
        """The databases that the settings name.

        Raises:
            EngineNotConfigured: the shared one has no address.
        """
        return cls(settings.require("database_url", "Postgres"), pool_size=pool_size, apart=settings.apart("url"))

    @property
    def engine(self) -> AsyncEngine:
        """The shared database's."""
        return self._shared.engine

    def home_of(self, tenant_id: UUID) -> str:
        """The name of the database where a tenant was last found; `SHARED` where nobody has looked yet."""
        return self._homes.get(tenant_id, SHARED)

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID | None) -> AsyncIterator[AsyncSession]:
        """One transaction as a tenant (`None`: as nobody, for the tenant directory); an error rolls it back.

        Raises:
            DatabaseUnavailable, ShopMoving.
        """
        with _reachable():
            async with AsyncExitStack() as held:
                if tenant_id is None:
                    yield await held.enter_async_context(self._shared.transaction(None))
                    return
                yield await self._enter(tenant_id, held, lambda place: place.transaction(tenant_id))

    @asynccontextmanager
    async def tx(
        self, tenant_id: UUID, *, read_only: bool = False, plan_once: bool = False, snapshot: bool = False
    ) -> AsyncIterator[Tx]:
        """One transaction as a tenant on a raw connection, for hot statements; an error rolls it back.

        With `snapshot` it only reads, and all of its statements see what there was at the first of them.

        With `plan_once` a connection plans each statement once for whatever is asked. Postgres would plan one for every
        request when it thinks that its values make it cheaper, and that can cost several times what running it does.

        Raises:
            DatabaseUnavailable, ShopMoving.
        """
        with _reachable():
            async with AsyncExitStack() as held:
                mode = Mode(read_only=read_only, plan_once=plan_once, snapshot=snapshot)
                yield await self._enter(tenant_id, held, lambda place: place.tx(tenant_id, mode))

    @asynccontextmanager
    async def directory(self, tenant_id: UUID) -> AsyncIterator[Tx]:
        """One transaction as a tenant in the shared database, for the tenant's rows of the directory there.

        Raises:
            DatabaseUnavailable.
        """
        with _reachable():
            async with self._shared.directory(tenant_id) as tx:
                yield tx

    async def read_json(self, tenant_id: UUID, statement: HotStatement, values: Mapping[str, Any]) -> bytes | None:
        """The first column of the first row, as the bytes Postgres built; `None` when there is no row."""
        async with self.tx(tenant_id, read_only=True) as tx:
            return await tx.json(statement, values)

    async def _enter(
        self, tenant_id: UUID, held: AsyncExitStack, begin: Callable[[Place], AbstractAsyncContextManager[_Entered]]
    ) -> _Entered:
        """Begin where the tenant's rows are, however often that has changed since it was last looked at."""
        for _ in range(HOPS):
            try:
                return await held.enter_async_context(begin(self._place(self.home_of(tenant_id))))
            except _Elsewhere as where:
                self._homes[tenant_id] = where.name
        raise ShopMoving

    async def require_one_schema(self) -> None:
        """See that the databases of their own have the schema of the shared one; one that can't be reached now is asked
        by whoever starts next.

        Raises:
            SchemaBehind: one has another; `tradewind migrate` brings all to the newest.
        """
        if not self.apart:
            return
        expected = await _revision(self._shared)
        for name in self.apart:
            try:
                found = await _revision(self._place(name))
            except (*_GONE, DBAPIError, PoolTimeout) as fault:
                log.warning("database.unavailable", database=name, error=str(fault).splitlines()[:1])
                continue
            if found != expected:
                raise SchemaBehind(name, found, expected)

    def _place(self, name: str) -> Place:
        if name not in self._places:
            url = self.apart.get(name)
            if url is None:
                log.error("database.not_named", database=name)
                raise DatabaseUnavailable
            self._places[name] = Place(name, url, pool_size=self._pool_size)
        return self._places[name]

    async def close(self) -> None:
        """Give every connection back."""
        for place in self._places.values():
            await place.close()


async def _revision(place: Place) -> str | None:
    async with place.transaction(None) as session:
        found: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return found
