"""Warehouses, and the rule by which orders are allocated to them: both set by staff."""

from __future__ import annotations

from sqlalchemy import text

from commerce.inventory.hot import ALL, MINE, WAREHOUSE
from commerce.inventory.keeping import UnknownWarehouse
from commerce.inventory.rules import Rule
from commerce.inventory.schemas import AllocationIn, AllocationOut, WarehouseIn, WarehouseList, WarehouseOut
from commerce.policies.limits import NONE, Limits
from foundation.database import Tx, hot
from foundation.ids import new_id
from foundation.turns import in_turn

# uq_warehouse_code
_PUT = hot(
    text(
        """
        INSERT INTO warehouse AS w (tenant_id, id, code, name, country, region, priority, active)
        VALUES (:tenant_id, :id, :code, :name, CAST(:country AS text), CAST(:region AS text), :priority, :active)
        ON CONFLICT (tenant_id, code) DO UPDATE
            SET name = excluded.name, country = excluded.country, region = excluded.region,
                priority = excluded.priority, active = excluded.active
        RETURNING id
        """
    )
)

# What a balance keeps back changes only when its warehouse is opened or closed. What can be had again is given to those
# who wait by the worker's next round.
_KEEP_BACK = hot(
    text(
        f"""
        WITH was AS (
            SELECT s.id, CASE WHEN CAST(:active AS boolean) THEN coalesce(y.safety_stock, 0) ELSE {ALL} END AS becomes
            FROM stock s
            LEFT JOIN stock_policy y ON y.tenant_id = s.tenant_id AND y.variant_id = s.variant_id
            WHERE s.tenant_id = :tenant_id AND s.warehouse_id = :warehouse_id ORDER BY s.variant_id, s.id
            FOR UPDATE OF s)
        UPDATE stock s SET kept_back = was.becomes FROM was
        WHERE s.tenant_id = :tenant_id AND s.id = was.id AND s.kept_back <> was.becomes
        """  # noqa: S608  (a number)
    )
)

_LIST = hot(
    text(
        f"""
        SELECT id, code, name, country, region, priority, active FROM warehouse
        WHERE tenant_id = :tenant_id AND {MINE.format(id="id")} ORDER BY priority, code
        """  # noqa: S608  (a literal)
    )
)

_SET_RULE = hot(
    text(
        """
        INSERT INTO allocation_policy (tenant_id, id, rule) VALUES (:tenant_id, :id, :rule)
        ON CONFLICT (tenant_id) DO UPDATE SET rule = excluded.rule
        """
    )
)

_RULE = hot(text("SELECT rule FROM allocation_policy WHERE tenant_id = :tenant_id"))


async def alone(tx: Tx) -> None:
    """Nobody else sets policies or warehouses until the transaction ends: they say together what is kept back."""
    await in_turn(tx, f"stock-settings:{tx.tenant_id}")


async def put(tx: Tx, code: str, warehouse: WarehouseIn, *, limits: Limits = NONE) -> None:
    """Add a warehouse, or change the one with this code. One that is closed keeps its stock and sells none of it.

    Raises:
        UnknownWarehouse: whoever is bound to some warehouses changes those, and adds none.
    """
    await alone(tx)
    if limits.mine is not None and await tx.one(WAREHOUSE, {"warehouse": code, "mine": limits.mine}) is None:
        raise UnknownWarehouse(warehouse=code)
    row = await tx.one(_PUT, {**warehouse.model_dump(), "id": new_id(), "code": code})
    if row is None:
        raise RuntimeError("an upsert gave no row")
    await tx.rows(_KEEP_BACK, {"warehouse_id": row["id"], "active": warehouse.active})


async def every(tx: Tx, *, limits: Limits = NONE) -> WarehouseList:
    """The shop's warehouses, in the order of their priority."""
    rows = await tx.rows(_LIST, {"mine": limits.mine})
    return WarehouseList(items=[WarehouseOut.model_validate(dict(row)) for row in rows])


async def set_rule(tx: Tx, asked: AllocationIn) -> None:
    """Say by which rule orders are allocated, from now on."""
    await tx.rows(_SET_RULE, {"id": new_id(), "rule": asked.rule})


async def rule(tx: Tx) -> AllocationOut:
    """By which rule orders are allocated."""
    row = await tx.one(_RULE)
    said: Rule = row["rule"] if row else "fewest_parcels"
    return AllocationOut(rule=said)
