"""Which SKUs a change is about, and what is known of them.

A statement is made of literals that stand here and in `collections.rules`, and of parameters, so that nothing that
staff write is ever part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.bulk_pricing.judging import Facts
from commerce.bulk_pricing.schemas import BulkChangeIn, Filter
from commerce.catalog.collections import naming
from commerce.catalog.collections.rules import Found, found_by
from commerce.pricing.periods import LOOKED_BACK
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Unprocessable

_SHAPES = 200
"""Statements that are remembered: one for each form of filter, whatever its values."""
_TOLD = 20


class UnknownSkus(Unprocessable):
    """The shop has no variants with these SKUs, or does not sell them in that currency."""

    code = "bulk_pricing.unknown_skus"

    skus: list[str]
    """The first of them."""


class UnknownCollection(Unprocessable):
    """The shop does not have this collection."""

    code = "bulk_pricing.unknown_collection"


# A gift card's price is its worth, so it is none of what is repriced.
# uq_price_variant, ix_variant_product, uq_variant_sku
_OF_FILTER = """
    FROM variant v
    JOIN product p ON (p.tenant_id, p.id) = (v.tenant_id, v.product_id) AND p.status <> 'archived' AND NOT p.gift_card
    JOIN price r ON (r.tenant_id, r.variant_id) = (v.tenant_id, v.id) AND r.currency = CAST(:currency AS text)
    {joins}
    WHERE v.tenant_id = :tenant_id AND NOT v.discontinued AND {condition}
"""
_COLLECTED = """
    EXISTS (SELECT FROM collection_product m
            WHERE (m.tenant_id, m.collection_id, m.product_id) = (p.tenant_id, CAST(:collection_id AS uuid), p.id))
"""

# uq_variant_cost, ix_price_offer_variant, uq_price_period_start. The WHERE of periods asks nothing of time: Postgres
# would take that for ix_price_period_begins, and read all of the shop's for each variant.
_FACTS = hot(
    text(
        """
        SELECT v.id AS variant_id, v.sku, r.amount, r.compare_at AS struck, c.amount AS cost,
               o.standing, o.offered, coalesce(h.lowest, r.amount) AS lowest,
               h.reduced_from
        FROM unnest(CAST(:variant_ids AS uuid[])) AS asked (id)
        JOIN variant v ON v.tenant_id = :tenant_id AND v.id = asked.id
        JOIN price r ON (r.tenant_id, r.variant_id) = (v.tenant_id, v.id) AND r.currency = CAST(:currency AS text)
        LEFT JOIN variant_cost c
            ON (c.tenant_id, c.variant_id, c.currency) = (v.tenant_id, v.id, r.currency)
        CROSS JOIN LATERAL (
            SELECT min(x.amount) FILTER (WHERE x.starts_at IS NULL AND x.ends_at IS NULL
                                           AND CAST(:price_group AS text) IS NOT NULL) AS standing,
                   min(x.amount) FILTER (WHERE x.starts_at IS NOT DISTINCT FROM CAST(:starts_at AS timestamptz)
                                           AND x.ends_at IS NOT DISTINCT FROM CAST(:ends_at AS timestamptz)) AS offered
            FROM price_offer x
            WHERE (x.tenant_id, x.variant_id, x.currency) = (v.tenant_id, v.id, r.currency) AND x.min_quantity = 1
              AND x.channel IS NULL
              AND x.price_group IS NOT DISTINCT FROM CAST(:price_group AS text)) o
        CROSS JOIN LATERAL (
            SELECT min(y.amount) FILTER (
                       WHERE y.starts_at < CAST(:begins AS timestamptz)
                         AND (y.ends_at IS NULL OR y.ends_at > CAST(:since AS timestamptz))) AS lowest,
                   min(y.starts_at) FILTER (
                       WHERE y.amount < r.amount
                         AND (y.ends_at IS NULL OR y.ends_at > CAST(:now AS timestamptz))) AS reduced_from
            FROM price_period y
            WHERE (y.tenant_id, y.variant_id, y.currency) = (v.tenant_id, v.id, r.currency)
              AND y.channel IS NULL) h
        ORDER BY v.id
        """
    )
)

_MISSING = hot(
    text(
        """
        SELECT asked.sku FROM unnest(CAST(:skus AS text[])) AS asked (sku)
        WHERE NOT EXISTS (
            SELECT FROM variant v JOIN price r ON (r.tenant_id, r.variant_id) = (v.tenant_id, v.id)
            WHERE v.tenant_id = :tenant_id AND v.sku = asked.sku AND r.currency = :currency)
        LIMIT :limit
        """
    )
)
_COLLECTION = hot(text("SELECT id FROM collection WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid)"))


async def as_kept(tx: Tx, change: BulkChangeIn) -> BulkChangeIn:
    """A change as it is kept, all that its filter names being there.

    Raises:
        RuleNamesNothing, AttributeNotFound, AttributeInvalid, UnknownCollection, UnknownSkus.
    """
    said = change.filter
    if said.collection_id is not None and await tx.one(_COLLECTION, {"id": said.collection_id}) is None:
        raise UnknownCollection
    if said.skus is not None:
        missing = await tx.rows(_MISSING, {"skus": said.skus, "currency": change.currency, "limit": _TOLD})
        if missing:
            raise UnknownSkus(skus=[row["sku"] for row in missing])
    if said.rule is None:
        return change
    kept = said.model_copy(update={"rule": await naming.as_kept(tx, said.rule)})
    return change.model_copy(update={"filter": kept})


async def as_shown(tx: Tx, changes: Sequence[BulkChangeIn]) -> list[BulkChangeIn]:
    """Kept changes as people write them."""
    names = await naming.names_of(tx, [one.filter.rule for one in changes if one.filter.rule])
    return [_shown(one, names) for one in changes]


async def keep(tx: Tx, shop: Shop, change: BulkChangeIn, change_id: UUID, *, most: int) -> int:
    """Write down which SKUs a kept change is about, to be looked at; how many, at most one more than `most`."""
    found, values = _found(change, shop)
    asked = {**values, "change_id": change_id, "limit": most + 1}
    row = await tx.one(_keeping(found.joins, found.condition), asked)
    return int(row["found"]) if row else 0


async def some(tx: Tx, shop: Shop, change: BulkChangeIn, limit: int, *, most: int) -> tuple[int, list[UUID]]:
    """How many SKUs a kept change is about, at most one more than `most`, and some of them."""
    found, values = _found(change, shop)
    counted = await tx.one(_counting(found.joins, found.condition), {**values, "limit": most + 1})
    rows = await tx.rows(_first(found.joins, found.condition), {**values, "limit": limit})
    return (int(counted["found"]) if counted else 0), [row["id"] for row in rows]


async def facts(tx: Tx, change: BulkChangeIn, variant_ids: Sequence[UUID]) -> list[Facts]:
    """What is known now of variants that are sold in the change's currency, in the order of their ids."""
    now = clock.now()
    begins = max(change.starts_at or now, now)
    values = {
        "variant_ids": list(variant_ids),
        "currency": change.currency,
        "price_group": change.group,
        "starts_at": change.starts_at,
        "ends_at": change.ends_at,
        "begins": begins,
        "since": begins - LOOKED_BACK,
        "now": now,
    }
    return [Facts(**dict(row)) for row in await tx.rows(_FACTS, values)]


def _shown(change: BulkChangeIn, names: naming.Names) -> BulkChangeIn:
    if change.filter.rule is None:
        return change
    said = change.filter.model_copy(update={"rule": names.shown(change.filter.rule)})
    return change.model_copy(update={"filter": said})


def _found(change: BulkChangeIn, shop: Shop) -> tuple[Found, dict[str, Any]]:
    """What finds the SKUs of a change, and the values that it goes by."""
    said = change.filter
    by_rule = found_by(said.rule, "best_selling", shop)
    conditions = [f"({by_rule.condition})", *_own(said)]
    values = {
        **by_rule.values,
        "currency": change.currency,
        "now": clock.now(),
        "collection_id": said.collection_id,
        "price_from": said.price_from,
        "price_to": said.price_to,
        "skus": said.skus,
    }
    return Found(by_rule.joins, " AND ".join(conditions), by_rule.place, values), values


def _own(said: Filter) -> list[str]:
    told: Mapping[str, object] = {
        _COLLECTED: said.collection_id,
        "r.amount >= CAST(:price_from AS bigint)": said.price_from,
        "r.amount <= CAST(:price_to AS bigint)": said.price_to,
        "v.sku = ANY(CAST(:skus AS text[]))": said.skus,
    }
    return [sql for sql, value in told.items() if value is not None]


@lru_cache(maxsize=_SHAPES)
def _keeping(joins: str, condition: str) -> HotStatement:
    of = _OF_FILTER.format(joins=joins, condition=condition)
    return hot(
        text(
            f"""
            WITH kept AS (
                INSERT INTO bulk_price_row (tenant_id, change_id, variant_id, sku, state, base)
                SELECT :tenant_id, CAST(:change_id AS uuid), v.id, v.sku, 'found', r.amount
                {of} LIMIT CAST(:limit AS bigint) RETURNING 1)
            SELECT count(*) AS found FROM kept
            """  # noqa: S608  (literals)
        )
    )


@lru_cache(maxsize=_SHAPES)
def _counting(joins: str, condition: str) -> HotStatement:
    of = _OF_FILTER.format(joins=joins, condition=condition)
    return hot(text(f"SELECT count(*) AS found FROM (SELECT 1 {of} LIMIT CAST(:limit AS bigint)) x"))  # noqa: S608


@lru_cache(maxsize=_SHAPES)
def _first(joins: str, condition: str) -> HotStatement:
    of = _OF_FILTER.format(joins=joins, condition=condition)
    return hot(text(f"SELECT v.id {of} ORDER BY v.id LIMIT CAST(:limit AS bigint)"))
