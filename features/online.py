"""One shopper's features, read from the online store without Feast.

Feast's own reader takes tens of milliseconds a request and seconds to import. Its format is public
(https://github.com/feast-dev/feast/blob/master/docs/specs/online_store_format.md#redis-online-store-format): a hash for
each entity, a field for each feature, named by the Murmur hash of `view:feature`, a protobuf in it. The message's class
is the one in Feast's package, loaded without the package. A test holds this reader to Feast's.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import UUID

import mmh3
from google.protobuf.timestamp_pb2 import Timestamp

from features.compute import VIEW_VERSION
from foundation import clients
from foundation.naming import EntityKey, entity_key
from foundation.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

PROJECT = "tradewind"
VIEW = f"shopper_activity_v{VIEW_VERSION}"
"""A new version has fields of its own: a row as of the same instant would not replace one of the old."""
LISTS = {"touched_products": "string_list_val", "touched_at": "int64_list_val", "touch_weights": "double_list_val"}
SCALARS = ("orders", "units", "products", "last_order_at")
_STRING = 2  # feast.types.ValueType.STRING


class OnlineTouch(NamedTuple):
    """Something the shopper did with a product."""

    product_id: str
    at_ms: int
    """Milliseconds since 1970, UTC."""
    weight: float


@dataclass(frozen=True, slots=True)
class ShopperFeatures:
    """What was known of a shopper at `as_of`, when the last of it became known."""

    touches: Sequence[OnlineTouch]
    """Newest first."""
    values: dict[str, int]
    as_of: datetime
    view_version: str


class OnlineShoppers:
    """The online store's shoppers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._fields = [_field(name) for name in (*LISTS, *SCALARS)] + [f"_ts:{VIEW}".encode()]

    @classmethod
    def connect(cls, settings: Settings) -> OnlineShoppers:
        """A reader with its own connections.

        Raises:
            EngineNotConfigured: Redis has no address.
        """
        return cls(clients.redis_async(settings, as_text=False))

    async def read(self, tenant_id: UUID, shopper_id: UUID) -> ShopperFeatures | None:
        """The features of a shopper, or of a visitor by the visitor's id; `None` when nothing is known.

        Raises:
            redis.exceptions.RedisError: the store can't be reached.
        """
        key = hash_name(entity_key(tenant_id, shopper_id))
        found = cast("list[bytes | None]", await self._redis.hmget(key, self._fields))  # type: ignore[misc, arg-type]
        if found[-1] is None:
            return None
        lists = [_list(raw, kind) for raw, kind in zip(found, LISTS.values(), strict=False)]
        scalars = zip(SCALARS, found[len(LISTS) :], strict=False)
        return ShopperFeatures(
            touches=[OnlineTouch(*touch) for touch in zip(*lists, strict=True)],
            values={name: _value(raw).int64_val if raw else 0 for name, raw in scalars},
            as_of=_instant(found[-1]),
            view_version=VIEW_VERSION,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def hash_name(key: EntityKey) -> bytes:
    """The name of a shopper's hash: Feast's entity key, version 3, then the project."""
    name, value = b"shopper_key", key.encode()
    parts = (1, _STRING, len(name), name, _STRING, len(value), value)
    encoded = b"".join(part if isinstance(part, bytes) else struct.pack("<I", part) for part in parts)
    return encoded + PROJECT.encode()


def _field(feature: str) -> bytes:
    return struct.pack("<I", mmh3.hash(f"{VIEW}:{feature}", signed=False))


def _list(raw: bytes | None, kind: str) -> Sequence[Any]:
    return cast("Sequence[Any]", getattr(_value(raw), kind).val) if raw else ()


def _value(raw: bytes) -> Any:
    return _value_class().FromString(raw)


def _instant(raw: bytes) -> datetime:
    instant: datetime = Timestamp.FromString(raw).ToDatetime(UTC)
    return instant


@cache
def _value_class() -> Any:
    package = importlib.util.find_spec("feast")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError(
            "Feast is not installed: its message format is needed to read features.", name="feast"
        )
    path = Path(package.submodule_search_locations[0], "protos", "feast", "types", "Value_pb2.py")
    spec = importlib.util.spec_from_file_location("features._value_pb2", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} can't be loaded.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Value
