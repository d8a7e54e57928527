"""Where the columns of each tenant are kept, and how whoever holds them learns what changes.

A **snapshot** is a file in the object store; what changes after it is a list of changes in Redis, in their order. The
tenant's pointer says which file holds, and behind which change. Whoever writes a new snapshot moves the pointer and
throws away the changes that it has; whoever reads looks at the pointer first, so that nothing that was thrown away is
missed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast
from uuid import UUID

import orjson
from redis import Redis

from foundation import objects
from foundation.ids import new_id
from foundation.naming import CacheKey, ObjectPath, cache_key, index_path, shared_key
from models.search.documents import Field
from models.search.lexical import SparseVector, Statistics
from serving.columns import Columns
from serving.facts import Facts

TENANTS = shared_key("searched_tenants")
BEGINNING = "0-0"
_MOST_AT_ONCE = 2_000


class Pointer(NamedTuple):
    """Which snapshot of a tenant's columns holds, and the last change that is in it."""

    version: str
    last: str

    @classmethod
    def read(cls, written: str) -> Pointer:
        """As `written` has it."""
        return cls(*written.split("/"))

    def __str__(self) -> str:
        return f"{self.version}/{self.last}"


@dataclass(frozen=True, slots=True)
class About:
    """How a tenant's products were read; a query is read the same way, and so is what comes later."""

    language: str
    statistics: Statistics
    build: str
    """Which build it was; the words of the catalogue are kept by it, for spelling (`serving.vocabulary`)."""
    since: str
    """The oldest transaction that ran as the build began: what it and later ones wrote may be missing."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept with a snapshot."""
        lengths = {name.value: length for name, length in self.statistics.lengths.items()}
        return {"language": self.language, "lengths": lengths, "build": self.build, "since": self.since}

    @classmethod
    def read(cls, told: dict[str, Any]) -> About:
        """Out of a snapshot.

        Raises:
            KeyError: something is missing.
            ValueError: it is of another kind.
        """
        lengths = {Field(name): float(length) for name, length in told["lengths"].items()}
        return cls(told["language"], Statistics(lengths), told["build"], told["since"])


class Change(NamedTuple):
    """What became of a product: with facts and words it was written, with facts alone it costs something else, or can
    or can't be had any more; without either it is gone.
    """

    product_id: UUID
    facts: Facts | None = None
    words: SparseVector | None = None

    def apply(self, columns: Columns) -> None:
        """Make the change."""
        if self.facts is None:
            columns.remove(self.product_id)
        elif self.words is None:
            columns.change(self.product_id, self.facts)
        else:
            columns.put(self.product_id, self.facts, self.words)

    def to_bytes(self) -> bytes:
        """As it is told."""
        facts = None if self.facts is None else self.facts.to_json()
        words = None if self.words is None else list(self.words)
        return orjson.dumps([str(self.product_id), facts, words])

    @classmethod
    def read(cls, told: str) -> Change:
        """From what was told."""
        product_id, facts, words = orjson.loads(told)
        return cls(
            UUID(product_id),
            None if facts is None else Facts.read(facts),
            None if words is None else SparseVector(*words),
        )


class ColumnStore:
    """The snapshots and changes of all tenants. Its methods block.

    Raises, from each:
        redis.exceptions.RedisError: Redis can't be reached.
        OSError: the object store can't be.
    """

    def __init__(self, redis: Redis, objects_url: str) -> None:
        self._redis = redis
        self._objects_url = objects_url

    def pointers(self) -> dict[UUID, Pointer]:
        """Of every tenant that has columns."""
        tenants = sorted(cast("set[str]", self._redis.smembers(TENANTS)))
        ids = [UUID(one) for one in tenants]
        if not ids:
            return {}
        written = cast("list[str | None]", self._redis.mget([_pointer_key(one) for one in ids]))
        found = zip(ids, written, strict=True)
        return {tenant_id: Pointer.read(one) for tenant_id, one in found if one is not None}

    def load(self, tenant_id: UUID, pointer: Pointer) -> tuple[Columns, About] | None:
        """The columns of a snapshot; `None` when there is no such file, or it can't be read."""
        file = objects.get(self._objects_url, _path(tenant_id, pointer.version))
        if file is None:
            return None
        try:
            columns, told = Columns.from_bytes(file)
            return columns, About.read(told)
        except (KeyError, ValueError):
            return None

    def publish(self, tenant_id: UUID, columns: Columns, about: About, *, last: str | None = None) -> Pointer:
        """Let packed columns hold from now on, which have every change up to `last`, or up to now.

        The file that held before stays for whoever is reading it, until the next time.
        """
        last = self.newest(tenant_id) if last is None else last
        pointer = Pointer(new_id().hex, last)
        objects.put(self._objects_url, _path(tenant_id, pointer.version), columns.to_bytes(about.to_json()))
        files = _files_key(tenant_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(_pointer_key(tenant_id), str(pointer))
            pipe.sadd(TENANTS, str(tenant_id))
            pipe.lpush(files, pointer.version)
            pipe.xtrim(_changes_key(tenant_id), minid=last, approximate=False)
            pipe.execute()
        for gone in cast("list[str]", self._redis.lrange(files, 2, -1)):
            objects.delete(self._objects_url, _path(tenant_id, gone))
        self._redis.ltrim(files, 0, 1)
        return pointer

    def newest(self, tenant_id: UUID) -> str:
        """The last change that was told."""
        found = cast("list[Any]", self._redis.xrevrange(_changes_key(tenant_id), count=1))
        return str(found[0][0]) if found else BEGINNING

    def tell(self, tenant_id: UUID, changes: Sequence[Change]) -> None:
        """Tell whoever holds the columns."""
        if not changes:
            return
        with self._redis.pipeline(transaction=True) as pipe:
            for change in changes:
                pipe.xadd(_changes_key(tenant_id), {"change": change.to_bytes()})
            pipe.execute()

    def told(self, tenant_id: UUID, last: str) -> tuple[str, list[Change]]:
        """The changes behind the last one known, in their order, and the last of them."""
        found = cast(
            "list[Any]",
            self._redis.xrange(_changes_key(tenant_id), min=f"({last}", count=_MOST_AT_ONCE),
        )
        changes = [Change.read(fields["change"]) for _, fields in found]
        return (str(found[-1][0]) if found else last), changes


def _pointer_key(tenant_id: UUID) -> CacheKey:
    return cache_key(tenant_id, "search_columns")


def _files_key(tenant_id: UUID) -> CacheKey:
    return cache_key(tenant_id, "search_snapshots")


def _changes_key(tenant_id: UUID) -> CacheKey:
    return cache_key(tenant_id, "search_changes")


def _path(tenant_id: UUID, version: str) -> ObjectPath:
    return index_path(tenant_id, f"{version}.npz")


@dataclass(slots=True)
class Held:
    """A tenant's columns as somebody holds them. Whoever looks at them, or changes them, has the lock."""

    columns: Columns
    about: About
    pointer: Pointer
    last: str
    """The last change that is in them."""
    changes: int = 0
    """Made since the snapshot."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Holder:
    """The columns of all tenants in memory. `refresh` asks for what is new; `of` only looks."""

    def __init__(self, store: ColumnStore) -> None:
        self._store = store
        self._held: dict[UUID, Held] = {}
        self._unread: set[UUID] = set()

    def of(self, tenant_id: UUID) -> Held | None:
        """A tenant's; `None` when it has none."""
        return self._held.get(tenant_id)

    def all(self) -> dict[UUID, Held]:
        """Those of every tenant."""
        return dict(self._held)

    @property
    def unread(self) -> frozenset[UUID]:
        """Those whose snapshot is gone or can't be read, as one of another form: they have to be built anew."""
        return frozenset(self._unread)

    def refresh(self) -> None:
        """Learn what is new. It blocks.

        Raises:
            redis.exceptions.RedisError, OSError: it can't be asked; what was known stays.
        """
        pointers = self._store.pointers()
        for tenant_id, pointer in pointers.items():
            self._follow(tenant_id, pointer)
        for gone in self._held.keys() - pointers.keys():
            del self._held[gone]
        self._unread &= pointers.keys()

    def _follow(self, tenant_id: UUID, pointer: Pointer) -> None:
        held = self._held.get(tenant_id)
        if held is None or held.pointer != pointer:
            loaded = self._store.load(tenant_id, pointer)
            if loaded is None:
                self._unread.add(tenant_id)
                return
            held = Held(*loaded, pointer, pointer.last)
        while changes := self._news(tenant_id, held):
            with held.lock:
                for change in changes:
                    change.apply(held.columns)
                held.changes += len(changes)
        self._held[tenant_id] = held
        self._unread.discard(tenant_id)

    def _news(self, tenant_id: UUID, held: Held) -> list[Change]:
        held.last, changes = self._store.told(tenant_id, held.last)
        return changes
