"""How variants are sold when little or nothing of them is there: set by staff, for each SKU."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from commerce.inventory import hot, promises
from commerce.inventory.keeping import UnknownSku
from commerce.inventory.promises import Rise
from commerce.inventory.schemas import PolicyIn, PolicyOut, PromiseOut
from commerce.inventory.warehouses import alone
from foundation.database import Tx
from foundation.ids import new_id


async def put(tx: Tx, policy: PolicyIn) -> PolicyOut:
    """Set a SKU's policy. What it keeps back no longer is given to those who wait for it first.

    Raises:
        UnknownSku.
    """
    await alone(tx)
    variant = await tx.one(hot.VARIANT, {"sku": policy.sku})
    if variant is None:
        raise UnknownSku(sku=policy.sku)
    variant_id, product_id = variant["id"], variant["product_id"]
    changed = await tx.rows(hot.KEEP_BACK, {"variant_id": variant_id, "safety_stock": policy.safety_stock})
    await tx.rows(hot.SET_POLICY, {**policy.model_dump(), "id": new_id(), "variant_id": variant_id})
    risen = [Rise(**row, variant_id=variant_id, product_id=product_id) for row in changed]
    for rise in await promises.keep(tx, risen):
        await promises.tell_level(tx, variant_id, product_id, rise.available)
    return await get(tx, policy.sku)


async def get(tx: Tx, sku: str) -> PolicyOut:
    """A SKU's policy; nothing is kept back or promised unless staff said so.

    Raises:
        UnknownSku.
    """
    row = await tx.one(hot.POLICY, {"sku": sku})
    if row is None:
        raise UnknownSku(sku=sku)
    return PolicyOut.model_validate(dict(row))


async def waiting(tx: Tx, sku: str, *, after: UUID, limit: int) -> Sequence[PromiseOut]:
    """A SKU's open promises after the one named, in the order in which they will be kept."""
    rows = await tx.rows(hot.PROMISES, {"sku": sku, "after": after, "limit": limit})
    return [PromiseOut.model_validate(dict(row)) for row in rows]
