"""Bundles: variants made of others. They have no stock of their own; whoever takes one takes its components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.inventory.keeping import UnknownSku
from commerce.inventory.schemas import BundleIn, BundleOut, ComponentOut
from commerce.inventory.service import ON_HAND
from commerce.inventory.supply import Need, Supply
from foundation.database import Tx, hot
from foundation.errors import Conflict, Unprocessable
from foundation.ids import new_id


class NestedBundle(Unprocessable):
    """A bundle is made of variants that are not bundles, none of them named twice."""

    code = "inventory.nested_bundle"

    sku: str


class BundleHasStock(Conflict):
    """The SKU has stock of its own, or is waited for; a bundle has none."""

    code = "inventory.bundle_has_stock"

    sku: str


class BundleIsDigital(Conflict):
    """The SKU is downloaded: nothing of it is sent, so it is made of nothing."""

    code = "inventory.bundle_is_digital"

    sku: str


COMPONENTS = f"""
    CASE WHEN v.bundle THEN (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'variant_id', l.variant_id, 'product_id', w.product_id, 'quantity', l.quantity, 'available', {ON_HAND},
            'room', greatest(y.backorder_limit - y.promised, 0), 'lead_days', y.lead_days,
            'available_from', y.available_from) ORDER BY l.variant_id), '[]')
        FROM (SELECT b.tenant_id, b.component_id AS variant_id, b.quantity FROM bundle_component b
              WHERE b.tenant_id = v.tenant_id AND b.variant_id = v.id) l
        JOIN variant w ON w.tenant_id = l.tenant_id AND w.id = l.variant_id
        LEFT JOIN stock_policy y ON y.tenant_id = l.tenant_id AND y.variant_id = l.variant_id)::text END
"""  # noqa: S608  (the fragment is a literal)
"""What a variant `v` is made of and what can be had of it, as text; nothing is read when it is no bundle."""

_CLEAR = hot(text("DELETE FROM bundle_component WHERE tenant_id = :tenant_id AND variant_id = :variant_id"))

_FILL = hot(
    text(
        """
        INSERT INTO bundle_component (tenant_id, id, variant_id, component_id, quantity)
        SELECT :tenant_id, c.id, :variant_id, c.component_id, c.quantity
        FROM unnest(CAST(:ids AS uuid[]), CAST(:component_ids AS uuid[]), CAST(:quantities AS bigint[]))
             AS c (id, component_id, quantity)
        """
    )
)

_MARK = hot(text("UPDATE variant SET bundle = :bundle WHERE tenant_id = :tenant_id AND id = :variant_id"))

# All in the order of their ids; nobody makes a bundle of a component meanwhile, or receives any of the bundle.
_LOCK = hot(
    text(
        """
        SELECT id, sku, bundle, digital,
               EXISTS (SELECT FROM stock s WHERE s.tenant_id = v.tenant_id AND s.variant_id = v.id
                                             AND s.available + s.reserved > 0)
               OR EXISTS (SELECT FROM promise p WHERE p.tenant_id = v.tenant_id AND p.variant_id = v.id
                                                  AND p.allocated + p.released < p.quantity) AS kept,
               EXISTS (SELECT FROM bundle_component b WHERE b.tenant_id = v.tenant_id AND b.component_id = v.id)
                   AS component
        FROM variant v WHERE v.tenant_id = :tenant_id AND v.sku = ANY(CAST(:skus AS text[]))
        ORDER BY v.id FOR NO KEY UPDATE
        """
    )
)

_READ = hot(
    text(
        """
        SELECT v.sku, w.sku AS component, b.quantity FROM variant v
        LEFT JOIN bundle_component b ON b.tenant_id = v.tenant_id AND b.variant_id = v.id
        LEFT JOIN variant w ON w.tenant_id = b.tenant_id AND w.id = b.component_id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku ORDER BY w.sku
        """
    )
)


async def put(tx: Tx, bundle: BundleIn) -> BundleOut:
    """Say what a SKU is made of, from now on; of nothing, and it is no bundle any more.

    Raises:
        UnknownSku, NestedBundle, BundleHasStock, BundleIsDigital: nothing changes.
    """
    wanted = {component.sku: component.quantity for component in bundle.components}
    if len(wanted) < len(bundle.components) or bundle.sku in wanted:
        raise NestedBundle(sku=bundle.sku)
    rows = {row["sku"]: row for row in await tx.rows(_LOCK, {"skus": [bundle.sku, *wanted]})}
    for sku in (bundle.sku, *wanted):
        if sku not in rows:
            raise UnknownSku(sku=sku)
    for sku in wanted:
        if rows[sku]["bundle"]:
            raise NestedBundle(sku=sku)
    own = rows[bundle.sku]
    if own["digital"]:
        raise BundleIsDigital(sku=bundle.sku)
    if wanted and own["component"]:
        raise NestedBundle(sku=bundle.sku)
    if wanted and own["kept"]:
        raise BundleHasStock(sku=bundle.sku)
    await tx.rows(_CLEAR, {"variant_id": own["id"]})
    await tx.rows(
        _FILL,
        {
            "variant_id": own["id"],
            "ids": [new_id() for _ in wanted],
            "component_ids": [rows[sku]["id"] for sku in wanted],
            "quantities": list(wanted.values()),
        },
    )
    await tx.rows(_MARK, {"variant_id": own["id"], "bundle": bool(wanted)})
    return await get(tx, bundle.sku)


async def get(tx: Tx, sku: str) -> BundleOut:
    """What a SKU is made of; of nothing, unless it is a bundle.

    Raises:
        UnknownSku.
    """
    rows = await tx.rows(_READ, {"sku": sku})
    if not rows:
        raise UnknownSku(sku=sku)
    components = [ComponentOut(sku=row["component"], quantity=row["quantity"]) for row in rows if row["component"]]
    return BundleOut(sku=sku, components=components)


def needs_of(row: Mapping[str, Any]) -> tuple[Need, ...]:
    """What one unit of a cart's line takes: its variant, or the components of a bundle."""
    if row["components"] is None:
        supply = Supply(row["available"], row["room"] or 0, row["lead_days"] or 0, row["available_from"])
        return (Need(row["variant_id"], row["product_id"], 1, supply),)
    return tuple(
        Need(
            UUID(said["variant_id"]),
            UUID(said["product_id"]),
            said["quantity"],
            Supply(
                said["available"],
                said["room"] or 0,
                said["lead_days"] or 0,
                date.fromisoformat(said["available_from"]) if said["available_from"] else None,
            ),
        )
        for said in orjson.loads(row["components"])
    )


def written(variant_id: UUID, needs: Sequence[Need]) -> str | None:
    """The components of a bundle as an order's line keeps them; `None` when it is no bundle."""
    if [need.variant_id for need in needs] == [variant_id]:
        return None
    said = [
        {"variant_id": str(need.variant_id), "product_id": str(need.product_id), "quantity": need.quantity}
        for need in needs
    ]
    return orjson.dumps(said).decode()


def read(variant_id: UUID, product_id: UUID, components: str | None) -> tuple[Need, ...]:
    """What one unit of an order's line took."""
    if components is None:
        return (Need(variant_id, product_id),)
    return tuple(
        Need(UUID(said["variant_id"]), UUID(said["product_id"]), said["quantity"]) for said in orjson.loads(components)
    )
