"""People who were forgotten: their rows in the feature store, for training and online.

Serving finds nothing for their ids from then on, and answers as it answers somebody new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from features.compute import ensure_schema
from features.online import hash_name
from foundation.analytics import ShopRows
from foundation.naming import entity_key
from pipelines.relay import SHOPPERS_STREAM

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from redis import Redis

AT_ONCE = 1_000
"""Keys a statement: one is 74 bytes."""
_WHERE = "tenant_id = %(tenant_id)s AND shopper_key IN %(keys)s"
_KEPT = f"SELECT count() FROM shopper_activity WHERE {_WHERE}"  # noqa: S608  (a literal)
_DELETE = f"ALTER TABLE shopper_activity DELETE WHERE {_WHERE}"
# By the table's own order: interactions are kept by shopper.
_KNOWN = "SELECT DISTINCT shopper_id FROM interactions WHERE tenant_id = %(tenant_id)s AND shopper_id IN %(shoppers)s"


def forget(client: Client, redis: Redis, tenant_id: UUID, people: Sequence[UUID]) -> dict[str, int]:
    """Take these people out of the feature store; how many rows that concerned, `offline`, `online` and `announced`.

    Raises:
        clickhouse_connect.driver.exceptions.ClickHouseError, redis.exceptions.RedisError: an engine can't; what was
            done before stays done.
    """
    ensure_schema(client)
    offline = online = 0
    for some in _some(people):
        values = _values(tenant_id, some)
        found = int(client.query(_KEPT, values).result_rows[0][0])
        if found:
            client.command(_DELETE, values, settings={"mutations_sync": 2})
        offline += found
        online += take_offline(redis, tenant_id, some)
    announced = _announced(redis, tenant_id, people)
    for first in range(0, len(announced), AT_ONCE):
        redis.xdel(SHOPPERS_STREAM, *announced[first : first + AT_ONCE])
    return {"offline": offline, "online": online, "announced": len(announced)}


def kept_of(client: Client, redis: Redis, tenant_id: UUID, people: Sequence[UUID]) -> set[str]:
    """Which of `offline`, `online` and `announced` still has any of these people."""
    ensure_schema(client)
    kept = {"announced"} if _announced(redis, tenant_id, people) else set()
    for some in _some(people):
        if client.query(_KEPT, _values(tenant_id, some)).result_rows[0][0]:
            kept.add("offline")
        if redis.exists(*_names(tenant_id, some)):
            kept.add("online")
    return kept


def take_offline(redis: Redis, tenant_id: UUID, shoppers: Iterable[UUID]) -> int:
    """Remove shoppers from the online store; how many were there."""
    names = _names(tenant_id, shoppers)
    return int(redis.unlink(*names)) if names else 0  # type: ignore[arg-type]


def forgotten_meanwhile(shop: ShopRows, shoppers: Sequence[UUID]) -> set[UUID]:
    """Those of whom the event store knows nothing (any more).

    Whoever puts shoppers online asks this afterwards, and takes these off again: they may have been forgotten between
    the computing and the putting.
    """
    if not shoppers:
        return set()
    known = shop.rows(_KNOWN, {"shoppers": [str(one) for one in shoppers]})
    return set(shoppers) - {UUID(str(row[0])) for row in known}


def _announced(redis: Redis, tenant_id: UUID, people: Iterable[UUID]) -> list[str]:
    """The relay's announcements of these people, read or not."""
    keys, found, after = {entity_key(tenant_id, one) for one in people}, list[str](), "-"
    while keys:
        entries: Any = redis.xrange(SHOPPERS_STREAM, min=after, count=AT_ONCE)
        found += [entry_id for entry_id, fields in entries if fields.get("shopper_key") in keys]
        if len(entries) < AT_ONCE:
            break
        after = f"({entries[-1][0]}"
    return found


def _some(people: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (people[first : first + AT_ONCE] for first in range(0, len(people), AT_ONCE))


def _names(tenant_id: UUID, people: Iterable[UUID]) -> list[bytes]:
    return [hash_name(entity_key(tenant_id, one)) for one in people]


def _values(tenant_id: UUID, people: Sequence[UUID]) -> dict[str, object]:
    return {"tenant_id": str(tenant_id), "keys": [entity_key(tenant_id, one) for one in people]}
