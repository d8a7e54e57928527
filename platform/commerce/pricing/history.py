"""Every change of a price, and what everybody paid since: kept in the transaction that makes the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.pricing.engine import Offer
from commerce.pricing.periods import LOOKED_BACK, Period, Schedule, cut, planned, told
from commerce.pricing.schemas import PriceChangeOut
from foundation import audit, clock
from foundation.database import Tx, hot
from foundation.ids import new_id
from foundation.turns import in_turn

_TURNS = 41

# ix_price_offer_variant
_OFFERS_THEN = """
    coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'amount', o.amount, 'min_quantity', o.min_quantity, 'group', o.price_group, 'starts_at', o.starts_at,
            'ends_at', o.ends_at) ORDER BY o.id)
        FROM price_offer o
        WHERE o.tenant_id = r.tenant_id AND o.variant_id = r.variant_id AND o.currency = r.currency), '[]')
"""

# uq_price_variant
_NOW = hot(
    text(
        f"""
        SELECT jsonb_build_object('amount', r.amount, 'compare_at', r.compare_at, 'offers', {_OFFERS_THEN})::text
                   AS said, r.updated_at
        FROM price r
        WHERE r.tenant_id = :tenant_id AND r.variant_id = :variant_id AND r.currency = :currency
        """  # noqa: S608  (the fragment is a literal)
    )
)

_WRITE = hot(
    text(
        """
        INSERT INTO price_change (tenant_id, id, variant_id, currency, at, changed_by, before, after)
        VALUES (:tenant_id, :id, :variant_id, :currency, CAST(:now AS timestamptz), CAST(:by AS text),
                CAST(CAST(:before AS text) AS jsonb), CAST(CAST(:after AS text) AS jsonb))
        """
    )
)

# ix_price_change_variant
_PAGE = hot(
    text(
        """
        SELECT id, variant_id, currency, at, changed_by, before::text AS before, after::text AS after FROM price_change
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[]))
          AND (CAST(:before_id AS uuid) IS NULL OR id < CAST(:before_id AS uuid))
        ORDER BY id DESC LIMIT :limit
        """
    )
)

# uq_price_period_start
_PERIODS = hot(
    text(
        """
        SELECT amount, starts_at, ends_at, compare_at, reduced_since, lowest_before FROM price_period
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND currency = :currency
          AND (ends_at IS NULL OR ends_at >= CAST(:since AS timestamptz))
        ORDER BY starts_at
        """
    )
)
_FORGET_PLANNED = hot(
    text(
        """
        DELETE FROM price_period
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND currency = :currency
          AND starts_at >= CAST(:now AS timestamptz)
        """
    )
)
_END = hot(
    text(
        """
        UPDATE price_period SET ends_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND currency = :currency
          AND (ends_at IS NULL OR ends_at > CAST(:now AS timestamptz))
        """
    )
)
_PLAN = hot(
    text(
        """
        INSERT INTO price_period (tenant_id, id, variant_id, currency, amount, starts_at, ends_at, compare_at,
                                  reduced_since, lowest_before)
        SELECT :tenant_id, t.id, :variant_id, :currency, t.amount, t.starts_at, t.ends_at, t.compare_at,
               t.reduced_since, t.lowest_before
        FROM unnest(CAST(:ids AS uuid[]), CAST(:amounts AS bigint[]), CAST(:starts AS timestamptz[]),
                    CAST(:ends AS timestamptz[]), CAST(:struck AS bigint[]), CAST(:since AS timestamptz[]),
                    CAST(:lowest AS bigint[]))
             AS t (id, amount, starts_at, ends_at, compare_at, reduced_since, lowest_before)
        """
    )
)


async def alone(tx: Tx, variant_id: UUID) -> None:
    """Nobody else changes a variant's prices until the transaction ends."""
    await in_turn(tx, str(variant_id), seed=_TURNS)


async def said(tx: Tx, variant_id: UUID, currency: str) -> Mapping[str, Any] | None:
    """What is said of a variant's price right now; `None`: it is not sold in that currency."""
    return await tx.one(_NOW, {"variant_id": variant_id, "currency": currency})


async def keep(tx: Tx, variant_id: UUID, currency: str, before: Mapping[str, Any] | None) -> None:
    """Write down that a price was changed, and what everybody pays from now on. `before` is what `said` gave then.

    Nothing is written where nothing is otherwise than before.
    """
    after = await said(tx, variant_id, currency)
    if after is None or (before is not None and before["said"] == after["said"]):
        return
    now = clock.now()
    which = {"variant_id": variant_id, "currency": currency}
    change = {"by": audit.actor(), "before": before and before["said"], "after": after["said"]}
    await tx.rows(_WRITE, {**which, **change, "id": new_id(), "now": now})
    rows = await tx.rows(_PERIODS, {**which, "since": now - LOOKED_BACK}) if before else []
    known = [Period(**row) for row in rows]
    untold = told([], planned(_schedule(before["said"]), since=before["updated_at"])) if before and not known else []
    past = cut(known or untold, at=now)
    await tx.rows(_FORGET_PLANNED, {**which, "now": now})
    await tx.rows(_END, {**which, "now": now})
    coming = told(past, planned(_schedule(after["said"]), since=now))
    await _plan(tx, which, coming if known else [*past, *coming])


async def page(tx: Tx, variant_ids: Sequence[UUID], before: UUID | None, limit: int) -> list[PriceChangeOut]:
    """What was changed of variants' prices, before an id if one is given, the latest first."""
    rows = await tx.rows(_PAGE, {"variant_ids": list(variant_ids), "before_id": before, "limit": limit})
    return [_out(row) for row in rows]


async def _plan(tx: Tx, which: Mapping[str, Any], periods: Sequence[Period]) -> None:
    values = {
        "ids": [new_id() for _ in periods],
        "amounts": [one.amount for one in periods],
        "starts": [one.starts_at for one in periods],
        "ends": [one.ends_at for one in periods],
        "struck": [one.compare_at for one in periods],
        "since": [one.reduced_since for one in periods],
        "lowest": [one.lowest_before for one in periods],
    }
    await tx.rows(_PLAN, {**which, **values})


def _schedule(document: str) -> Schedule:
    found = orjson.loads(document)
    return Schedule(found["amount"], found["compare_at"], [_offer(one) for one in found["offers"]])


def _offer(found: Mapping[str, Any]) -> Offer:
    starts, ends = (found[name] and datetime.fromisoformat(found[name]) for name in ("starts_at", "ends_at"))
    return Offer(found["amount"], found["min_quantity"], found["group"], starts, ends)


def _out(row: Mapping[str, Any]) -> PriceChangeOut:
    before, after = (row[name] and orjson.loads(row[name]) for name in ("before", "after"))
    return PriceChangeOut.model_validate({**row, "before": before, "after": after})
