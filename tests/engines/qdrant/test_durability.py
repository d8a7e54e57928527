"""The embedded process: killed, stopped, started again, and rebuilding its indexes while it is used."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import qdrant_edge as edge
from qdrant_client import QdrantClient, models

from tradewind.engines.qdrant.collection import Collection

SIZE = 16
SETTINGS = {
    "vectors": {"size": SIZE, "distance": "Dot"},
    "optimizers_config": {"indexing_threshold": 20, "vacuum_min_vector_number": 100},
}


def _vector(seed: int) -> list[float]:
    numbers = random.Random(seed)
    return [numbers.uniform(-1, 1) for _ in range(SIZE)]


def _points(ids: range) -> list[models.PointStruct]:
    return [models.PointStruct(id=n, vector=_vector(n), payload={"n": n, "on": n % 2 == 0}) for n in ids]


def _make(client: QdrantClient, name: str, threshold: int = 10_000) -> None:
    client.create_collection(
        name,
        vectors_config=models.VectorParams(size=SIZE, distance=models.Distance.DOT),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=threshold),
    )


@pytest.mark.embedded
def test_acknowledged_changes_survive_kill_9(gateway: Any) -> None:
    client = gateway.client()
    _make(client, "kept")
    _make(client, "dropped")
    client.create_payload_index("kept", "n", models.PayloadSchemaType.INTEGER, wait=True)
    alias = models.CreateAlias(collection_name="kept", alias_name="live")
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
    for start in range(0, 500, 50):
        client.upsert("kept", _points(range(start, start + 50)), wait=True)
    client.delete("kept", [1, 2, 3], wait=True)
    client.set_payload("kept", {"late": True}, points=[499], wait=True)
    client.delete_collection("dropped")

    gateway.stop(signal.SIGKILL)
    gateway.start()

    client = gateway.client()
    assert [each.name for each in client.get_collections().collections] == ["kept"]
    assert client.count("live").count == 497
    assert client.retrieve("kept", [1, 2, 3]) == []
    assert client.retrieve("kept", [499])[0].payload == {"n": 499, "on": False, "late": True}
    assert client.get_collection("kept").payload_schema["n"].points == 497
    assert client.query_points("kept", query=_vector(77), limit=1).points[0].id == 77


@pytest.mark.embedded
@pytest.mark.proof
def test_kill_9_again_and_again_loses_nothing(gateway: Any) -> None:
    _make(gateway.client(), "kept", threshold=10)
    for start in range(0, 1200, 300):
        gateway.client().upsert("kept", _points(range(start, start + 300)), wait=True)
        time.sleep(random.Random(start).uniform(0, 1.5))
        gateway.stop(signal.SIGKILL)
        gateway.start()
        assert gateway.client().count("kept").count == start + 300


@pytest.mark.embedded
@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.proof)])
def test_a_stop_is_clean_and_keeps_everything(gateway: Any, how: signal.Signals) -> None:
    _make(gateway.client(), "kept")
    gateway.client().upsert("kept", _points(range(100)), wait=True)

    assert gateway.stop(how) == 0
    gateway.start()

    assert gateway.client().count("kept").count == 100


@pytest.mark.embedded
def test_a_directory_is_held_by_one_process(gateway: Any) -> None:
    second = type(gateway)(gateway.directory)

    with pytest.raises(RuntimeError):
        second.start()


@pytest.mark.embedded
def test_a_collection_whose_creation_was_cut_short_is_cleared_away(gateway: Any) -> None:
    gateway.stop()
    half_made = gateway.directory / "data" / "collections" / "half-made" / "shard-0"
    half_made.mkdir(parents=True)

    gateway.start()

    assert gateway.client().get_collections().collections == []
    assert not half_made.parent.exists()


@pytest.mark.proof
async def test_vectors_are_indexed_in_the_background_while_reads_and_writes_go_on(client: Any, name: str) -> None:
    await client.create_collection(
        name,
        vectors_config=models.VectorParams(size=SIZE, distance=models.Distance.DOT),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=20),
    )
    await client.upsert(name, _points(range(2000)), wait=True)
    written = 2000
    patience = time.monotonic() + 60

    while (await client.get_collection(name)).indexed_vectors_count < 1000 and time.monotonic() < patience:
        await client.upsert(name, _points(range(written, written + 1)), wait=True)
        assert (await client.query_points(name, query=_vector(9), limit=1)).points != []
        written += 1
        await asyncio.sleep(0.05 if written < 2050 else 1.5)

    assert (await client.get_collection(name)).indexed_vectors_count >= 1000
    assert (await client.count(name, exact=True)).count == written


@pytest.mark.embedded
async def test_what_is_written_during_a_rebuild_is_in_the_new_shard(tmp_path: Path) -> None:
    collection = Collection.create(tmp_path, "c", SETTINGS)
    await collection.apply([_upsert(range(2000))], points=2000)
    before = collection.shard

    rebuild = asyncio.create_task(collection.rebuild())
    await _until(lambda: collection.rebuilding)
    for n in range(2000, 2200):
        await collection.apply([_upsert(range(n, n + 1))], points=1)
        assert collection.shard.count(edge.CountRequest()) == n + 1
        await asyncio.sleep(0.001)
    await collection.apply([edge.UpdateOperation.delete_points([5])], points=1)

    assert await rebuild
    assert collection.shard is not before
    assert collection.shard.count(edge.CountRequest()) == 2199
    assert collection.shard.info().indexed_vectors_count >= 2000
    await collection.close()

    reopened = Collection.open(_entries(tmp_path)[0])
    assert reopened is not None
    assert reopened.shard.count(edge.CountRequest()) == 2199
    await reopened.close()


@pytest.mark.embedded
async def test_a_rebuild_with_nothing_to_do_leaves_the_shard_and_no_files(tmp_path: Path) -> None:
    collection = Collection.create(tmp_path, "c", SETTINGS)
    await collection.apply([_upsert(range(10))], points=10)
    before = collection.shard

    assert not await collection.rebuild()

    assert collection.shard is before
    assert len(_entries(_entries(tmp_path)[0])) == 2
    await collection.close()


@pytest.mark.embedded
async def test_a_builder_that_dies_leaves_the_live_shard(tmp_path: Path) -> None:
    collection = Collection.create(tmp_path, "c", SETTINGS)
    await collection.apply([_upsert(range(2000))], points=2000)

    rebuild = asyncio.create_task(collection.rebuild())
    await _until(lambda: collection._builder is not None)
    assert collection._builder is not None
    collection._builder.kill()

    assert not await rebuild
    assert collection.shard.count(edge.CountRequest()) == 2000
    await collection.apply([_upsert(range(2000, 2001))], points=1)
    await collection.close()


@pytest.mark.embedded
async def test_a_collection_dropped_during_its_rebuild_is_gone(tmp_path: Path) -> None:
    collection = Collection.create(tmp_path, "c", SETTINGS)
    await collection.apply([_upsert(range(2000))], points=2000)

    rebuild = asyncio.create_task(collection.rebuild())
    await _until(lambda: collection._builder is not None)
    await collection.drop()

    assert not await rebuild
    assert _entries(tmp_path) == []


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it didn't come to pass")


def _entries(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def _upsert(ids: range) -> edge.UpdateOperation:
    return edge.UpdateOperation.upsert_points([edge.Point(n, _vector(n), {"n": n}) for n in ids])


@pytest.mark.embedded
def test_an_empty_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    command = ["-m", "tradewind.engines.qdrant", "--path", str(tmp_path), "--port", "1"]

    done = subprocess.run(
        [sys.executable, *command, "--api-key-file", str(tmp_path / "key")], capture_output=True, check=False
    )

    assert done.returncode == 2
    assert b"is empty" in done.stderr
