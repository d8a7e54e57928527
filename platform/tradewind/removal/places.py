"""What has data of shops besides the tables of the core, and how it lets go of them.

An engine that has no address has nothing. Each place blocks, and may be cleared any number of times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from commerce.billing.service import configured as billing
from commerce.billing.stripe import BillingRefused
from commerce.leaving import storage
from commerce.leaving.removing import Gone, Place
from foundation import clients, steering, suggestions
from foundation.database import Database
from foundation.settings import Settings
from tradewind.relocating.steps import empty

_KEYS_AT_ONCE = 500
_HELD = """
    SELECT c.table FROM system.columns c JOIN system.tables t ON t.database = c.database AND t.name = c.table
    WHERE c.database = currentDatabase() AND c.name = 'tenant_id' AND t.engine LIKE '%MergeTree' ORDER BY c.table
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The shop's subscription at whoever bills it: cancelled at once. It needs the shop's rows."""

    settings: Settings
    name: str = "subscription"

    def clear(self, gone: Gone) -> int:
        """1 if there was one."""
        if self.settings.billing_stripe_secret_key is None:
            return 0
        return int(asyncio.run(self._cancel(gone)))

    async def _cancel(self, gone: Gone) -> bool:
        database = Database.of(self.settings, pool_size=1)
        billed = billing(database, self.settings)
        try:
            return await billed.cancel(gone.tenant_id)
        except BillingRefused:  # it is over there already
            return False
        finally:
            if billed.stripe is not None:
                await billed.stripe.close()
            await database.close()


@dataclass(frozen=True, slots=True)
class Apart:
    """The databases that shops have of their own: what one holds of the shop, as its owner."""

    settings: Settings
    name: str = "databases"

    def clear(self, gone: Gone) -> int:
        """How many rows there were.

        Raises:
            psycopg.Error: one can't be reached.
        """
        # Nobody is sent on to a database that has nothing of the shop and would send them back.
        with psycopg.connect(self.settings.require("database_owner_url", "Postgres for its owner")) as shared:
            shared.execute("UPDATE tenant SET home = '', moving_to = NULL WHERE id = %s", (gone.tenant_id,))
        return sum(empty(url, gone.tenant_id) for url in self.settings.apart("owner_url").values())


@dataclass(frozen=True, slots=True)
class ClickHouse:
    """Events, decisions and what was made of them, the offline features among it: whatever has a `tenant_id`."""

    settings: Settings
    name: str = "clickhouse"

    def clear(self, gone: Gone) -> int:
        """How many rows there were.

        Raises:
            ClickHouseError: it can't; what was done before stays done.
        """
        client, count, asked = clients.clickhouse(self.settings), 0, {"tenant_id": str(gone.tenant_id)}
        try:
            for (table,) in client.query(_HELD).result_rows:
                rows = client.query(f"SELECT count() FROM `{table}` WHERE tenant_id = %(tenant_id)s", asked)  # noqa: S608  (its own names)
                if found := int(rows.result_rows[0][0]):
                    deletes = f"ALTER TABLE `{table}` DELETE WHERE tenant_id = %(tenant_id)s"
                    client.command(deletes, asked, settings={"mutations_sync": 2})
                    count += found
        finally:
            client.close()
        return count


@dataclass(frozen=True, slots=True)
class Vectors:
    """The products' vectors."""

    settings: Settings
    name: str = "qdrant"

    def clear(self, gone: Gone) -> int:
        """How many collections there were."""
        from serving import index  # noqa: PLC0415  (an installation of the API alone has none)

        with index.building(self.settings) as building:
            return building.drop(gone.tenant_id)


@dataclass(frozen=True, slots=True)
class Cache:
    """Features that are online, and whatever else is kept by a key with the shop's id in it."""

    settings: Settings
    name: str = "valkey"

    def clear(self, gone: Gone) -> int:
        """How many keys there were."""
        # Those of Feast are bytes, so the client may not read them as text.
        from redis import Redis  # noqa: PLC0415

        count = 0
        with Redis.from_url(self.settings.require("redis_url", "Redis")) as client:
            for key in client.scan_iter(match=f"*{gone.tenant_id}*", count=_KEYS_AT_ONCE):
                count += int(client.unlink(key))
            for versions in (suggestions.VERSIONS, steering.VERSIONS):
                count += int(client.hdel(versions, str(gone.tenant_id)))
        return count


@dataclass(frozen=True, slots=True)
class Models:
    """Trained models, and the record of their trainings. They are named by the shop's name."""

    settings: Settings
    name: str = "mlflow"

    def clear(self, gone: Gone) -> int:
        """How many runs there were."""
        if gone.slug is None:
            return 0
        from models.removing import remove  # noqa: PLC0415  (MLflow takes seconds to import)

        return remove(self.settings.require("mlflow_tracking_uri", "MLflow"), gone.tenant_id, gone.slug)


@dataclass(frozen=True, slots=True)
class Files:
    """Pictures, photos, papers, archives, and copies of the audit log's checkpoints."""

    settings: Settings
    name: str = "files"

    def clear(self, gone: Gone) -> int:
        """How many files there were."""
        store = storage.Store.at(self.settings.require("objects_url", "The object store"))
        return sum(store.remove(path) for path in storage.everything(gone.tenant_id, gone.slug))


def before_the_rows(settings: Settings) -> Sequence[Place]:
    """What is found by the shop's rows."""
    return (Subscription(settings),)


def after_the_rows(settings: Settings) -> Sequence[Place]:
    """Everything else that has an address."""
    found: list[tuple[object, Place]] = [
        (settings.clickhouse_url, ClickHouse(settings)),
        (settings.qdrant_url, Vectors(settings)),
        (settings.redis_url, Cache(settings)),
        (settings.mlflow_tracking_uri, Models(settings)),
        (settings.objects_url, Files(settings)),
    ]
    return [Apart(settings), *(place for address, place in found if address is not None)]
