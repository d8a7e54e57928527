"""One collection on disk: the engine's shard, its settings beside it, and the rebuilding of its indexes aside.

The engine holds Python's lock while it works, so every call on it runs on the event loop and is atomic to every other
request. Building an index takes seconds to minutes; it happens in another process on a copy of the shard. What is
written meanwhile goes to the live shard and to a journal, and the journal is replayed before the copy takes over.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import orjson
import qdrant_edge as edge
import structlog

from tradewind.engines.qdrant import optimize
from tradewind.engines.qdrant.errors import EngineFault, Malformed, from_engine
from tradewind.engines.qdrant.fields import Json
from tradewind.engines.qdrant.files import copy_tree, write_json
from tradewind.engines.qdrant.schema import Schema, read_field_index

_SETTINGS = "collection.json"
_QUIET_S = 1.0
_PATIENCE_S = 30.0
_REPLAY_AT_ONCE = 64

log = structlog.get_logger(__name__)


@contextmanager
def asking_engine() -> Iterator[None]:
    """Turn what the engine raises, while a request is read into its types or carried out, into a refusal."""
    try:
        yield
    except RecursionError as error:
        raise Malformed("body", "less deeply nested conditions") from error
    except Exception as error:
        raise from_engine(error) from error
    except BaseException as error:
        # A Rust panic crosses as a BaseException of a class that can't be imported.
        if type(error).__name__ == "PanicException":
            raise EngineFault("the engine panicked") from error
        raise


class Collection:
    """A collection's shard and settings. Reads are plain calls on `shard`; writes go through `apply`."""

    def __init__(self, directory: Path, name: str, schema: Schema, indexes: dict[str, Json], shard_name: str) -> None:
        self.name = name
        self.schema = schema
        self.indexes = indexes
        self.rebuilding = False
        self._directory = directory
        self._shard_name = shard_name
        self._shard: edge.EdgeShard | None = None
        self._writing = asyncio.Lock()
        self._journal: list[edge.UpdateOperation] | None = None
        self._builder: asyncio.subprocess.Process | None = None
        self._operations = 0
        self._unflushed = False
        self._touched = 0
        self._first_write = self._last_write = time.monotonic()

    @staticmethod
    def create(root: Path, name: str, body: Json) -> Collection:
        """Make a new, empty collection in a directory of its own under `root`."""
        with asking_engine():
            schema = Schema.read(body)
            collection = Collection(root / uuid4().hex, name, schema, {}, _new_shard_name())
            collection._shard_path.mkdir(parents=True)
            collection._shard = edge.EdgeShard.create(str(collection._shard_path), schema.engine_config())
        collection._save()
        return collection

    @staticmethod
    def open(directory: Path) -> Collection | None:
        """Open a stored collection; the engine replays what it logged and hadn't flushed.

        Returns None, and removes what is there, for a collection whose creation or deletion was cut short.
        """
        settings = directory / _SETTINGS
        if not settings.exists():
            shutil.rmtree(directory)
            return None
        stored = orjson.loads(settings.read_bytes())
        collection = Collection(
            directory, stored["name"], Schema.read(stored["body"]), stored["indexes"], stored["shard"]
        )
        for leftover in directory.glob("shard-*"):
            if leftover.name != stored["shard"]:
                shutil.rmtree(leftover, ignore_errors=True)
        collection._shard = edge.EdgeShard.load(str(collection._shard_path), collection.schema.engine_config())
        info = collection.shard.info()
        collection._touched = max(0, info.points_count - info.indexed_vectors_count)
        return collection

    @property
    def shard(self) -> edge.EdgeShard:
        """The live shard."""
        if self._shard is None:
            raise EngineFault(f"Collection `{self.name}` is closed")
        return self._shard

    @property
    def _shard_path(self) -> Path:
        return self._directory / self._shard_name

    def _save(self) -> None:
        stored = {"name": self.name, "shard": self._shard_name, "body": self.schema.body, "indexes": self.indexes}
        write_json(self._directory / _SETTINGS, stored)

    async def apply(self, operations: Sequence[edge.UpdateOperation], *, points: int) -> int:
        """Carry out changes in order, each logged by the engine before this returns; give the operation's number.

        Args:
            operations: the changes.
            points: how many points they touch, roughly.
        """
        async with self._writing:
            now = time.monotonic()
            if not self._touched:
                self._first_write = now
            self._last_write = now
            self._touched += points
            self._unflushed = True
            with asking_engine():
                for operation in operations:
                    if self._journal is not None:
                        self._journal.append(operation)
                    self.shard.update(operation)
            self._operations += 1
            return self._operations

    async def create_index(self, body: Json) -> int:
        """Index a payload field."""
        with asking_engine():
            name, schema, operation = read_field_index(body)
        number = await self.apply([operation], points=0)
        self.indexes = {**self.indexes, name: schema}
        self._save()
        return number

    async def delete_index(self, name: str) -> int:
        """Stop indexing a payload field; nothing happens if it wasn't indexed."""
        with asking_engine():
            operation = edge.UpdateOperation.delete_field_index(name)
        number = await self.apply([operation], points=0)
        self.indexes = {field: schema for field, schema in self.indexes.items() if field != name}
        self._save()
        return number

    async def update_settings(self, patch: Json) -> None:
        """Change the optimizer's, HNSW's or quantization's settings; indexes are built by them from now on."""
        with asking_engine():
            schema = self.schema.updated(patch)
        async with self._writing:
            with asking_engine():
                self._reload(schema)
            self.schema = schema
            self._save()

    def _reload(self, schema: Schema) -> None:
        self.shard.close()
        self._shard = None
        try:
            self._shard = edge.EdgeShard.load(str(self._shard_path), schema.engine_config())
        except Exception:
            self._shard = edge.EdgeShard.load(str(self._shard_path), self.schema.engine_config())
            raise

    def info(self) -> Json:
        """Give the collection's information as Qdrant's JSON has it."""
        with asking_engine():
            info = self.shard.info()
        indexed = {field: {"data_type": schema["type"], "params": schema} for field, schema in self.indexes.items()}
        counts = {field: index.points for field, index in info.payload_schema.items()}
        return {
            "status": "yellow" if self.rebuilding or self._worth_rebuilding() else "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "config": self.schema.config_json(),
            "payload_schema": {field: {**index, "points": counts.get(field, 0)} for field, index in indexed.items()},
        }

    def flush(self) -> None:
        """Write what only the log holds to the segments, so that the log stays short."""
        if self._unflushed and self._shard is not None:
            with asking_engine():
                self._shard.flush()
            self._unflushed = False

    def _worth_rebuilding(self) -> bool:
        limits = self.schema.optimizers
        threshold = self.schema.indexing_threshold_kb
        if threshold and self._touched * self.schema.vector_kb >= threshold:
            return True
        points = self.shard.info().points_count
        enough: float = max(limits["vacuum_min_vector_number"], limits["deleted_threshold"] * points)
        return self._touched >= enough

    def due(self) -> bool:
        """Whether to rebuild now: enough has changed, and writers pause or have gone on for long."""
        if self._shard is None or self.rebuilding or not self._touched or not self._worth_rebuilding():
            return False
        now = time.monotonic()
        return now - self._last_write >= _QUIET_S or now - self._first_write >= _PATIENCE_S

    async def rebuild(self) -> bool:
        """Optimize a copy of the shard in another process and put it in the live one's place.

        Readers wait for no more than the replay of a few operations, writers also for the copying of the files.

        Returns:
            Whether the engine found something to optimize.
        """
        aside = self._directory / _new_shard_name()
        self.rebuilding = True
        try:
            await self._copy_to(aside)
            if await self._optimize(aside):
                await self._adopt(aside)
                return True
            return False
        finally:
            self.rebuilding = False
            self._journal = None
            if aside != self._shard_path:
                await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    async def _copy_to(self, aside: Path) -> None:
        async with self._writing:
            self.shard.flush()
            self._unflushed = False
            self._touched = 0
            self._journal = []
            await asyncio.to_thread(copy_tree, self._shard_path, aside)

    async def _optimize(self, directory: Path) -> bool:
        command = [sys.executable, "-m", optimize.__name__, str(directory)]
        self._builder = await asyncio.create_subprocess_exec(*command)
        try:
            status = await self._builder.wait()
        finally:
            self._stop_builder()
            self._builder = None
        if status not in (optimize.OPTIMIZED, optimize.NOTHING_TO_DO) and self._shard is not None:
            log.error("qdrant.optimize_failed", collection=self.name, status=status)
        return status == optimize.OPTIMIZED and self._shard is not None

    async def _adopt(self, aside: Path) -> None:
        shard = edge.EdgeShard.load(str(aside), self.schema.engine_config())
        while len(self._journal or ()) > _REPLAY_AT_ONCE:
            self._replay_on(shard, _REPLAY_AT_ONCE)
            await asyncio.sleep(0)
        async with self._writing:
            self._replay_on(shard, _REPLAY_AT_ONCE)
            shard.flush()
            old, old_path = self.shard, self._shard_path
            self._shard, self._shard_name = shard, aside.name
            self._save()
            old.close()
        await asyncio.to_thread(shutil.rmtree, old_path, ignore_errors=True)

    def _replay_on(self, shard: edge.EdgeShard, most: int) -> None:
        journal = self._journal or []
        for operation in journal[:most]:
            # What the live shard refused, the copy refuses too.
            with suppress(Exception):
                shard.update(operation)
        del journal[:most]

    async def close(self) -> None:
        """Flush and release the shard."""
        self._stop_builder()
        async with self._writing:
            if self._shard is not None:
                self._shard.flush()
                self._shard.close()
                self._shard = None

    async def drop(self) -> None:
        """Remove the collection from disk. The removal of its settings is what makes it gone."""
        (self._directory / _SETTINGS).unlink()
        self._stop_builder()
        async with self._writing:
            self.shard.close()
            self._shard = None
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    def _stop_builder(self) -> None:
        if self._builder is not None:
            with suppress(ProcessLookupError):
                self._builder.kill()


def _new_shard_name() -> str:
    return f"shard-{uuid4().hex[:12]}"
