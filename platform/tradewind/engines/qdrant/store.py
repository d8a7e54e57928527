"""All collections under one directory, and the aliases that name them."""

from __future__ import annotations

import asyncio
import fcntl
import time
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

import orjson
import qdrant_edge as edge
import structlog

from tradewind.engines.qdrant import fields
from tradewind.engines.qdrant.collection import Collection, asking_engine
from tradewind.engines.qdrant.errors import AlreadyExists, Invalid, Malformed, NotFound, Refused, WrongInput
from tradewind.engines.qdrant.fields import Json
from tradewind.engines.qdrant.files import write_json

_FORBIDDEN = frozenset('<>:"/\\|?*\0\x1f')
_LONGEST_NAME = 255
_FLUSH_EVERY_S = 5.0
_LOOK_EVERY_S = 0.5

log = structlog.get_logger(__name__)


class Store:
    """Collections and aliases on disk. One process holds a directory at a time."""

    def __init__(self, path: Path) -> None:
        self._collections: dict[str, Collection] = {}
        self._aliases: dict[str, str] = {}
        self._root = path / "collections"
        self._aliases_file = path / "aliases.json"
        self._lock_file = path / "lock"
        self._lock: TextIO | None = None
        self._upkeep: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take the directory and open everything in it.

        Raises:
            BlockingIOError: another process holds the directory.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock_file.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for directory in self._root.iterdir():
            collection = Collection.open(directory)
            if collection is not None:
                self._collections[collection.name] = collection
        if self._aliases_file.exists():
            stored = orjson.loads(self._aliases_file.read_bytes())
            self._aliases = {alias: name for alias, name in stored.items() if name in self._collections}
        self._upkeep = asyncio.create_task(self._keep_up())

    async def close(self) -> None:
        """Flush everything and let the directory go."""
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)
        for collection in self._collections.values():
            await collection.close()
        if self._lock is not None:
            self._lock.close()

    async def _keep_up(self) -> None:
        """Flush every few seconds, and rebuild indexes where enough has changed, one collection at a time."""
        rebuild: asyncio.Task[bool] | None = None
        flushed = time.monotonic()
        try:
            while True:
                await asyncio.sleep(_LOOK_EVERY_S)
                if time.monotonic() - flushed >= _FLUSH_EVERY_S:
                    flushed = time.monotonic()
                    self._flush()
                if rebuild is None or rebuild.done():
                    _report(rebuild)
                    due = [each for each in self._collections.values() if each.due()]
                    rebuild = asyncio.create_task(due[0].rebuild()) if due else None
        finally:
            if rebuild is not None:
                rebuild.cancel()
                await asyncio.gather(rebuild, return_exceptions=True)

    def _flush(self) -> None:
        for collection in self._collections.values():
            try:
                collection.flush()
            except Refused as refused:
                log.error("qdrant.flush_failed", collection=collection.name, error=str(refused))  # noqa: TRY400

    def names(self) -> list[str]:
        """Give the collections' names."""
        return sorted(self._collections)

    def exists(self, name: str) -> bool:
        """Whether a collection or an alias has this name."""
        return name in self._collections or name in self._aliases

    def get(self, name: str) -> Collection:
        """Give the collection by its name or an alias.

        Raises:
            NotFound: neither is there.
        """
        collection = self._collections.get(self._aliases.get(name, name))
        if collection is None:
            raise NotFound(f"Collection `{name}` doesn't exist!")
        return collection

    def create(self, name: str, body: Json) -> None:
        """Make an empty collection.

        Raises:
            AlreadyExists: a collection has the name.
            WrongInput: an alias has it, or the settings can't be met.
        """
        _check_name(name)
        if name in self._collections:
            raise AlreadyExists(f"Collection `{name}` already exists!")
        if name in self._aliases:
            raise WrongInput(f"Can't create collection with name {name}. Alias with the same name already exists")
        self._collections[name] = Collection.create(self._root, name, body)

    async def drop(self, name: str) -> bool:
        """Remove a collection and its aliases; give whether it was there."""
        collection = self._collections.pop(name, None)
        if collection is None:
            return False
        await collection.drop()
        self._keep_aliases({alias: target for alias, target in self._aliases.items() if target != name})
        return True

    def aliases(self, collection: str | None = None) -> list[Json]:
        """Give all aliases, or a collection's."""
        return [
            {"alias_name": alias, "collection_name": name}
            for alias, name in sorted(self._aliases.items())
            if collection is None or name == collection
        ]

    def change_aliases(self, body: Json) -> None:
        """Carry out alias actions in order: all of them, or none if one can't be.

        Raises:
            NotFound: the collection or the alias isn't there.
            AlreadyExists: a collection has the alias's name.
        """
        aliases = dict(self._aliases)
        for each in fields.a_list(body.get("actions"), "actions"):
            self._change_alias(aliases, fields.an_object(each, "actions"))
        self._keep_aliases(aliases)

    def _change_alias(self, aliases: dict[str, str], action: Json) -> None:
        kinds = ("create_alias", "delete_alias", "rename_alias")
        kind = fields.choice(next(iter(action), None), "actions", kinds)
        body = fields.an_object(action[kind], kind)
        if kind == "create_alias":
            alias, target = _name(body, "alias_name"), _name(body, "collection_name")
            if target not in self._collections:
                raise NotFound(f"Collection `{target}` doesn't exist!")
            aliases[self._free(alias)] = target
        elif kind == "delete_alias":
            aliases.pop(_name(body, "alias_name"), None)
        else:
            old, new = _name(body, "old_alias_name"), _name(body, "new_alias_name")
            if old not in aliases:
                raise NotFound(f"Alias {old} does not exists!")
            aliases[self._free(new)] = aliases.pop(old)

    def _free(self, alias: str) -> str:
        _check_name(alias)
        if alias in self._collections:
            raise AlreadyExists(f"Collection `{alias}` already exists!")
        return alias

    def _keep_aliases(self, aliases: dict[str, str]) -> None:
        if aliases != self._aliases:
            write_json(self._aliases_file, aliases)
            self._aliases = aliases

    def vector_of(self, point_id: int | UUID, vector: str, collection: str) -> edge.NamedVector:
        """Give a stored point's vector.

        Raises:
            NotFound: no such collection or point.
            WrongInput: the point lacks that vector.
        """
        with asking_engine():
            records = self.get(collection).shard.retrieve([point_id], with_payload=False, with_vector=[vector])
        if not records:
            raise NotFound(f"No point with id {point_id} found")
        vectors: Any = records[0].vector
        found = vectors.get(vector) if isinstance(vectors, dict) else vectors
        if found is None:
            raise WrongInput(f"Vector `{vector}` not found for point {point_id}")
        stored: edge.NamedVector = found
        return stored


def _report(rebuild: asyncio.Task[bool] | None) -> None:
    if rebuild is not None and not rebuild.cancelled() and (error := rebuild.exception()) is not None:
        log.error("qdrant.rebuild_failed", error=str(error))


def _name(body: Json, field: str) -> str:
    return fields.a_string(body.get(field), field)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise Invalid("name", f"a name has 1 to {_LONGEST_NAME} characters")
    if name in {".", ".."} or _FORBIDDEN & set(name):
        raise Invalid("name", f"`{name}` has a character that a name can't have")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Malformed("name", "text in UTF-8") from None
