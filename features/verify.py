"""Is what is online what the definition gives? Asked of a sample, by computing it again."""

from __future__ import annotations

import asyncio
from uuid import UUID

from features.compute import shopper_activity
from features.online import LISTS, OnlineShoppers, ShopperFeatures
from foundation import clock
from foundation.analytics import of_shop
from foundation.settings import Settings

_SAMPLE = """
    SELECT DISTINCT shopper_id FROM interactions
    WHERE tenant_id = {tenant_id:UUID} ORDER BY cityHash64(shopper_id) LIMIT {sample:UInt32}
"""


def differences(settings: Settings, tenant_id: UUID, *, sample: int) -> list[str]:
    """The shoppers, of `sample`, who are not online, or not as computed again from their row's own instant.

    Raises:
        EngineNotConfigured: ClickHouse or Redis has no address.
    """
    with of_shop(settings, tenant_id) as shop:
        shoppers = [UUID(str(row[0])) for row in shop.rows(_SAMPLE, {"sample": sample})]
        online = asyncio.run(_online(settings, tenant_id, shoppers))
        wrong = []
        for shopper, found in online.items():
            until = found.as_of if found else clock.now()
            again = shopper_activity(shop, until=until, shoppers=[shopper])
            if found is None or again.is_empty() or not _same(found, again.row(0, named=True)):
                wrong.append(str(shopper))
        return wrong


async def _online(settings: Settings, tenant_id: UUID, shoppers: list[UUID]) -> dict[UUID, ShopperFeatures | None]:
    reader = OnlineShoppers.connect(settings)
    try:
        return {shopper: await reader.read(tenant_id, shopper) for shopper in shoppers}
    finally:
        await reader.close()


def _same(found: ShopperFeatures, again: dict[str, object]) -> bool:
    lists: list[list[object]] = [list(again[name]) for name in LISTS]  # type: ignore[call-overload]
    touches = list(zip(*lists, strict=True))
    values = {name: again[name] for name in found.values}
    return [tuple(touch) for touch in found.touches] == touches and found.values == values
