"""Moving a tenant, step by step, so that it can be cut off after any of them and gone on with or undone.

1. *Freeze.* The source says `moving_to`; from then on the tenant's transactions only read. Whoever was let in to write
   before is waited for.
2. *Copy.* What an earlier try left in the target is removed, every row is copied and compared, in one transaction. The
   copy is frozen too.
3. *Switch.* The shared directory says `home`. This is the moment at which the tenant has moved.
4. *Open.* The target's row thaws, and the source's says where the tenant is, to whoever still looks there.

The source keeps its rows; nobody is let in to them. `forget` removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from commerce.leaving.removing import LINGERING, SOLE
from foundation.database import SHARED
from foundation.settings import Settings
from tradewind import migrations
from tradewind.errors import StackError
from tradewind.relocating.copying import as_tenant, copy
from tradewind.relocating.tables import Connection, Figures, Table, remove, tables_of

WRITING = 1_414_091_608
"""The advisory lock that transactions share that were let in to write (migration 0047), with the tenant's hash."""
PATIENCE = "30s"
"""How long the tenant's last transactions are waited for."""

Reached = Callable[[str], None]
"""Is told of each step that is done."""

_ADD = """
    INSERT INTO tenant SELECT (jsonb_populate_record(NULL::tenant, %(said)s || jsonb_build_object(
        'home', %(home)s::text, 'moving_to', %(home)s::text))).*
"""
_SAID_BY_ITSELF = """
    SELECT attname FROM pg_attribute WHERE attrelid = 'tenant'::regclass AND attnum > 0 AND NOT attisdropped
       AND attname NOT IN ('id', 'slug', 'home', 'moving_to', 'created_at') ORDER BY attnum
"""
_STANDING = "SELECT id, slug, status, home, moving_to FROM tenant"


class CannotMove(StackError):
    """The tenant can't be moved so; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a database says a tenant is."""

    id: UUID
    slug: str
    status: str
    home: str
    moving_to: str | None


@dataclass(slots=True)
class Movers:
    """The owner's connections to what a move is between, and the right to move the tenant."""

    settings: Settings
    shared: Connection
    tenant: Standing
    """As the shared directory had it when the right was taken."""
    _held: ExitStack

    def at(self, name: str) -> Connection:
        """A connection to a database.

        Raises:
            CannotMove: no setting knows it, or it can't be reached.
        """
        urls = self.settings.everywhere("owner_url", "Postgres")
        if name not in urls:
            known = ", ".join(called(one) for one in urls)
            raise CannotMove(f"There is no database {name!r} in TRADEWIND_DATABASES; there are: {known}.")
        try:
            return self._held.enter_context(psycopg.connect(urls[name], autocommit=True))
        except psycopg.OperationalError as fault:
            raise CannotMove(f"The database {called(name)} can't be reached: {fault}") from fault

    def tables(self, name: str) -> list[Table]:
        """The tables of tenants' rows in a database."""
        return tables_of(self.settings.everywhere("owner_url", "Postgres")[name])

    def standing(self, connection: Connection) -> Standing | None:
        """What a database says of the tenant."""
        with connection.cursor(row_factory=class_row(Standing)) as cursor:
            return cursor.execute(f"{_STANDING} WHERE id = %s", (self.tenant.id,)).fetchone()

    def say(self, connection: Connection, *, home: str, moving_to: str | None) -> None:
        """Let a database say where the tenant is."""
        connection.execute(
            "UPDATE tenant SET home = %s, moving_to = %s WHERE id = %s AND (home, moving_to) IS DISTINCT FROM (%s, %s)",
            (home, moving_to, self.tenant.id, home, moving_to),
        )


def called(name: str) -> str:
    """The name of a database as people say it."""
    return name or "shared"


def named(said: str) -> str:
    """The name of a database that somebody called so."""
    return SHARED if said == "shared" else said


@contextmanager
def moving(settings: Settings, slug: str, *, wait: str = LINGERING) -> Iterator[Movers]:
    """Have the right to move a tenant, for as long as this block and the connection last; `wait` for it, a duration of
    Postgres.

    Raises:
        CannotMove: there is no such tenant, it is being removed, or somebody else is moving or removing it.
        EngineNotConfigured: Postgres has no address for its owner.
    """
    with ExitStack() as held:
        url = settings.require("database_owner_url", "Postgres")
        shared = held.enter_context(psycopg.connect(url, autocommit=True))
        with shared.cursor(row_factory=class_row(Standing)) as cursor:
            tenant = cursor.execute(f"{_STANDING} WHERE slug = %s", (slug,)).fetchone()
        if tenant is None:
            raise CannotMove(f"There is no shop {slug!r}.")
        _take_right(shared, tenant, wait)
        # What was read before the lock may have changed.
        movers = Movers(settings, shared, tenant, held)
        movers.tenant = movers.standing(shared) or tenant
        _require_stays(movers.tenant)
        yield movers


def _take_right(shared: Connection, tenant: Standing, wait: str) -> None:
    try:
        with shared.transaction():
            shared.execute("SELECT set_config('lock_timeout', %s, true)", (wait,))
            # It is the session's, and outlives the transaction.
            shared.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (SOLE, str(tenant.id)))
    except psycopg.errors.LockNotAvailable as fault:
        raise CannotMove(f"Somebody else is moving {tenant.slug!r} at this moment, or removing it.") from fault


def move(movers: Movers, to: str, *, reached: Reached = lambda _: None) -> Mapping[str, Figures]:
    """Move the tenant to a database, or go on with that; says what was copied, nothing where all was done before.

    Raises:
        CannotMove, CopyDiffers: the tenant stays where it is, and is written again.
    """
    source, target = movers.at(movers.tenant.home), movers.at(to)
    if movers.tenant.home == to:
        _open(movers, target, to)
        return {}
    _require_movable(movers, source, to)
    try:
        _freeze(movers, source, to)
        reached("frozen")
        copied = _copied(movers, source, target, to)
    except BaseException:
        _thaw(movers, source)
        raise
    reached("copied")
    _switch(movers, source, to)
    reached("switched")
    _open(movers, target, to)
    reached("opened")
    return copied


def abort(movers: Movers) -> str | None:
    """Let the tenant be written again where it is, and remove what was copied; says where to, if it was on its way.

    Raises:
        CannotMove: its database can't be reached.
    """
    source = movers.at(movers.tenant.home)
    standing = movers.standing(source)
    to = standing.moving_to if standing else None
    if to is None or to == movers.tenant.home:
        return None
    if to == SHARED or to in movers.settings.databases:
        _clear(movers, movers.at(to), to)
    _thaw(movers, source)
    return to


def forget(movers: Movers) -> list[str]:
    """Remove the rows that the tenant left in other databases; says in which.

    Raises:
        CannotMove: it is being moved.
    """
    standing = movers.standing(movers.at(movers.tenant.home))
    if standing is None or standing.moving_to is not None:
        raise CannotMove(f"{movers.tenant.slug} is being moved: finish that first, or abort it.")
    others = [name for name in (SHARED, *movers.settings.databases) if name != movers.tenant.home]
    for name in others:
        _clear(movers, movers.at(name), name)
    return others


def _require_stays(tenant: Standing) -> None:
    if tenant.status == "removing":
        raise CannotMove(f"{tenant.slug} is being removed.")


def _require_movable(movers: Movers, source: Connection, to: str) -> None:
    standing = movers.standing(source)
    if standing is None or standing.home != movers.tenant.home:
        raise CannotMove(f"{called(movers.tenant.home)} has no rows of {movers.tenant.slug}.")
    _require_stays(standing)
    if standing.moving_to not in (None, to):
        onto = called(standing.moving_to or SHARED)
        raise CannotMove(f"{movers.tenant.slug} is on its way to {onto}: go on with that, or abort it.")
    urls, newest = movers.settings.everywhere("owner_url", "Postgres"), migrations.newest()
    for name in (movers.tenant.home, to):
        # Databases at one revision have the same tables.
        if migrations.revision(urls[name]) != newest:
            raise CannotMove(f"{called(name)} is not at revision {newest}: run `tradewind migrate`.")


def _freeze(movers: Movers, source: Connection, to: str) -> None:
    """From here on the tenant's transactions only read; those that were let in before have ended."""
    movers.say(source, home=movers.tenant.home, moving_to=to)
    try:
        with source.transaction():
            source.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            source.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (WRITING, str(movers.tenant.id)))
    except psycopg.errors.LockNotAvailable as fault:
        raise CannotMove(f"A transaction of {movers.tenant.slug} has not ended within {PATIENCE}.") from fault


def _thaw(movers: Movers, source: Connection) -> None:
    movers.say(source, home=movers.tenant.home, moving_to=None)


def _copied(movers: Movers, source: Connection, target: Connection, to: str) -> Mapping[str, Figures]:
    with source.transaction(), target.transaction():
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        as_tenant(source, movers.tenant.id)
        as_tenant(target, movers.tenant.id)
        tables = movers.tables(to)
        remove(target, tables)
        if to != SHARED:
            _copy_directory(movers, source, target, to)
        return copy(source, target, tables)


def _copy_directory(movers: Movers, source: Connection, target: Connection, to: str) -> None:
    """The tenant's own rows of the directory; frozen, until the shared one says that it is here."""
    tenant_id = movers.tenant.id
    _remove_directory(target, tenant_id)
    target.execute(_ADD, {"said": _said(source, tenant_id), "home": to})
    _copy_hosts(source, target, tenant_id)


def _copy_hosts(source: Connection, target: Connection, tenant_id: UUID) -> None:
    """Those that the source has, and no others."""
    target.execute("DELETE FROM tenant_domain WHERE tenant_id = %s", (tenant_id,))
    hosts = source.execute("SELECT host, is_primary FROM tenant_domain WHERE tenant_id = %s", (tenant_id,)).fetchall()
    for host, is_primary in hosts:
        target.execute(
            "INSERT INTO tenant_domain (host, tenant_id, is_primary) VALUES (%s, %s, %s) ON CONFLICT (host) DO NOTHING",
            (host, tenant_id, is_primary),
        )


def _said(connection: Connection, tenant_id: UUID) -> Jsonb:
    """The tenant's own row, whatever columns it has."""
    row = connection.execute("SELECT to_jsonb(t) FROM tenant t WHERE id = %s", (tenant_id,)).fetchone()
    return Jsonb(row[0] if row else {})


def _remove_directory(target: Connection, tenant_id: UUID) -> None:
    target.execute("DELETE FROM tenant_domain WHERE tenant_id = %s", (tenant_id,))
    target.execute("DELETE FROM tenant WHERE id = %s", (tenant_id,))


def _switch(movers: Movers, source: Connection, to: str) -> None:
    """The shared directory says where the tenant is, and what the tenant said of itself last."""
    listed = movers.shared.execute(_SAID_BY_ITSELF).fetchall()
    columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in listed)
    with movers.shared.transaction():
        movers.shared.execute(
            sql.SQL(
                "UPDATE tenant SET ({}) = (SELECT {} FROM jsonb_populate_record(NULL::tenant, %(said)s)),"
                " home = %(home)s, moving_to = NULL WHERE id = %(id)s"
            ).format(columns, columns),
            {"said": _said(source, movers.tenant.id), "home": to, "id": movers.tenant.id},
        )
        if movers.tenant.home != SHARED:
            _copy_hosts(source, movers.shared, movers.tenant.id)


def _open(movers: Movers, target: Connection, to: str) -> None:
    """The tenant is in `to`: that lets it write, and every other database says where it is."""
    movers.say(target, home=to, moving_to=None)
    untold = [name for name in movers.settings.databases if name != to and not _told(movers, name, to)]
    if untold:
        raise CannotMove(
            f"{movers.tenant.slug} is in {called(to)}, but {', '.join(untold)} could not be told: run this again."
        )


def _told(movers: Movers, name: str, to: str) -> bool:
    try:
        movers.say(movers.at(name), home=to, moving_to=None)
    except (CannotMove, psycopg.OperationalError):
        return False
    return True


def empty(url: str, tenant_id: UUID) -> int:
    """Take all that a tenant has out of a database of its own, at its owner's URL; how many rows that were.

    Raises:
        psycopg.Error: it can't be reached.
    """
    with psycopg.connect(url) as connection:
        as_tenant(connection, tenant_id)
        count = remove(connection, tables_of(url))
        _remove_directory(connection, tenant_id)
    return count


def _clear(movers: Movers, connection: Connection, name: str) -> None:
    with connection.transaction():
        as_tenant(connection, movers.tenant.id)
        remove(connection, movers.tables(name))
        if name != SHARED:
            _remove_directory(connection, movers.tenant.id)
