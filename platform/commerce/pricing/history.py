"""Every change of a price, and what everybody paid since: kept in the transaction that makes the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.pricing.engine import Offer
from commerce.pricing.periods import LOOKED_BACK, Period, Schedule, cut, planned, told
from commerce.pricing.schemas import PriceChangeOut
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.ids import row_ids

Past = dict[str | None, list[Period]]
"""What was paid on the channels on which a price of their own was ever said, and, of `None`, on the others."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a variant's price in a currency."""

    body: str
    """List price, what it cost before, and offers: a `PriceSaid` as JSON."""
    since: datetime


# ix_price_offer_variant
_OFFERS_THEN = """
    coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'amount', o.amount, 'min_quantity', o.min_quantity, 'group', o.price_group, 'channel', o.channel,
            'starts_at', o.starts_at, 'ends_at', o.ends_at) ORDER BY o.id)
        FROM price_offer o
        WHERE o.tenant_id = r.tenant_id AND o.variant_id = r.variant_id AND o.currency = r.currency), '[]')
"""

# In one order, so that two who change the prices of many don't wait for each other for ever.
_HOLD = hot(
    text(
        """
        SELECT v.id FROM variant v WHERE v.tenant_id = :tenant_id AND v.id = ANY(CAST(:variant_ids AS uuid[]))
        ORDER BY v.id FOR NO KEY UPDATE
        """
    )
)

# uq_price_variant
_NOW = hot(
    text(
        f"""
        SELECT r.variant_id, r.updated_at,
               jsonb_build_object('amount', r.amount, 'compare_at', r.compare_at, 'offers', {_OFFERS_THEN})::text
                   AS said
        FROM price r
        WHERE r.tenant_id = :tenant_id AND r.variant_id = ANY(CAST(:variant_ids AS uuid[]))
          AND r.currency = :currency
        """  # noqa: S608  (the fragment is a literal)
    )
)

_WRITE = hot(
    text(
        """
        INSERT INTO price_change (tenant_id, id, variant_id, currency, at, changed_by, before, after)
        SELECT :tenant_id, t.id, t.variant_id, :currency, CAST(:now AS timestamptz), CAST(:by AS text),
               CAST(t.before AS jsonb), CAST(t.after AS jsonb)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:before AS text[]), CAST(:after AS text[]))
             AS t (id, variant_id, before, after)
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
        SELECT variant_id, channel, amount, starts_at, ends_at, compare_at, reduced_since, lowest_before
        FROM price_period
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[])) AND currency = :currency
          AND (ends_at IS NULL OR ends_at >= CAST(:since AS timestamptz))
        ORDER BY variant_id, starts_at
        """
    )
)
_FORGET_PLANNED = hot(
    text(
        """
        DELETE FROM price_period
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[])) AND currency = :currency
          AND starts_at >= CAST(:now AS timestamptz)
        """
    )
)
_END = hot(
    text(
        """
        UPDATE price_period SET ends_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[])) AND currency = :currency
          AND (ends_at IS NULL OR ends_at > CAST(:now AS timestamptz))
        """
    )
)
_PLAN = hot(
    text(
        """
        INSERT INTO price_period (tenant_id, id, variant_id, channel, currency, amount, starts_at, ends_at, compare_at,
                                  reduced_since, lowest_before)
        SELECT :tenant_id, t.id, t.variant_id, t.channel, :currency, t.amount, t.starts_at, t.ends_at, t.compare_at,
               t.reduced_since, t.lowest_before
        FROM unnest(CAST(:ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:channels AS text[]),
                    CAST(:amounts AS bigint[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
                    CAST(:struck AS bigint[]), CAST(:since AS timestamptz[]), CAST(:lowest AS bigint[]))
             AS t (id, variant_id, channel, amount, starts_at, ends_at, compare_at, reduced_since, lowest_before)
        """
    )
)

# What `_WRITE`, `planned` and `_PLAN` come to where nothing was said before and there are no offers.
_BEGIN = hot(
    text(
        """
        WITH said AS MATERIALIZED (
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:change_ids AS uuid[]), CAST(:period_ids AS uuid[]),
                                 CAST(:variant_ids AS uuid[]), CAST(:amounts AS bigint[]), CAST(:struck AS bigint[]))
                     AS t (id, change_id, period_id, variant_id, amount, compare_at)),
        change AS (
            INSERT INTO price_change (tenant_id, id, variant_id, currency, at, changed_by, before, after)
            SELECT :tenant_id, change_id, variant_id, :currency, CAST(:now AS timestamptz), CAST(:by AS text), NULL,
                   jsonb_build_object('amount', amount, 'compare_at', compare_at, 'offers', jsonb_build_array())
            FROM said),
        period AS (
            INSERT INTO price_period (tenant_id, id, variant_id, currency, amount, starts_at, compare_at, reduced_since)
            SELECT :tenant_id, period_id, variant_id, :currency, amount, CAST(:now AS timestamptz),
                   CASE WHEN compare_at > amount THEN compare_at END,
                   CASE WHEN compare_at > amount THEN CAST(:now AS timestamptz) END
            FROM said)
        INSERT INTO price (tenant_id, id, variant_id, currency, amount, compare_at, updated_at)
        SELECT :tenant_id, id, variant_id, :currency, amount, compare_at, CAST(:now AS timestamptz) FROM said
        """
    )
)


async def alone(tx: Tx, variant_ids: Sequence[UUID]) -> None:
    """Nobody else changes these variants' prices until the transaction ends."""
    await tx.rows(_HOLD, {"variant_ids": list(variant_ids)})


async def said(tx: Tx, variant_ids: Sequence[UUID], currency: str) -> dict[UUID, Said]:
    """What is said of variants' prices right now, by those that are sold in that currency."""
    rows = await tx.rows(_NOW, {"variant_ids": list(variant_ids), "currency": currency})
    return {row["variant_id"]: Said(row["said"], row["updated_at"]) for row in rows}


async def keep(
    tx: Tx, currency: str, before: Mapping[UUID, Said], after: Mapping[UUID, Said], *, by: str | None
) -> list[UUID]:
    """Write down which prices were changed, and what everybody pays from now on; the variants whose price it was.

    Nothing is written where nothing is otherwise than `before`. `by` is the principal.
    """
    changed = [one for one, said in after.items() if one not in before or before[one].body != said.body]
    if not changed:
        return []
    now = clock.now()
    which = {"variant_ids": changed, "currency": currency, "now": now}
    then = [before[one].body if one in before else None for one in changed]
    change = {"by": by, "before": then, "after": [after[one].body for one in changed]}
    await tx.rows(_WRITE, {**which, **change, "ids": row_ids(len(changed))})
    known = await _known(tx, [one for one in changed if one in before], currency, now - LOOKED_BACK)
    if known:
        await tx.rows(_FORGET_PLANNED, which)
        await tx.rows(_END, which)
    coming = [
        (one, channel, period)
        for one in changed
        for channel, periods in _by_channel(before.get(one), known.get(one, {}), after[one], now).items()
        for period in periods
    ]
    await tx.rows(_PLAN, _planned(currency, coming))
    return changed


def beginnings(
    variant_ids: Sequence[UUID], amounts: Sequence[int], struck: Sequence[int | None], currency: str, *, by: str | None
) -> tuple[HotStatement, Mapping[str, Any]]:
    """What gives variants that had no price before a list price, and what it cost before; and all that `keep` does."""
    count = len(variant_ids)
    values = {
        "ids": row_ids(count),
        "change_ids": row_ids(count),
        "period_ids": row_ids(count),
        "variant_ids": variant_ids,
        "amounts": amounts,
        "struck": struck,
        "currency": currency,
        "now": clock.now(),
        "by": by,
    }
    return _BEGIN, values


async def page(tx: Tx, variant_ids: Sequence[UUID], before: UUID | None, limit: int) -> list[PriceChangeOut]:
    """What was changed of variants' prices, before an id if one is given, the latest first."""
    rows = await tx.rows(_PAGE, {"variant_ids": list(variant_ids), "before_id": before, "limit": limit})
    return [_out(row) for row in rows]


async def _known(tx: Tx, variant_ids: Sequence[UUID], currency: str, since: datetime) -> dict[UUID, Past]:
    if not variant_ids:
        return {}
    found: dict[UUID, Past] = {}
    for row in await tx.rows(_PERIODS, {"variant_ids": list(variant_ids), "currency": currency, "since": since}):
        said_of = dict(row)
        past = found.setdefault(said_of.pop("variant_id"), {})
        past.setdefault(said_of.pop("channel"), []).append(Period(**said_of))
    return found


def _by_channel(before: Said | None, known: Past, after: Said, now: datetime) -> dict[str | None, list[Period]]:
    """The periods that are to be written, by the channels on which a price of their own was ever said, and `None`: the
    others.

    Until something is said on a channel alone it had the price of the others, so their past is its own.
    """
    then, coming = _schedule(before.body) if before else None, _schedule(after.body)
    named = {one.channel for one in (*coming.offers, *(then.offers if then else ()))}
    return {
        channel: _coming(
            None if before is None or then is None else planned(then.on(channel), since=before.since),
            known.get(channel, []),
            known.get(None, []),
            planned(coming.on(channel), since=now),
            now,
        )
        for channel in {None, *known, *named}
    }


def _coming(
    untold: Sequence[Period] | None,
    known: Sequence[Period],
    of_others: Sequence[Period],
    coming: Sequence[Period],
    now: datetime,
) -> list[Period]:
    """The periods of a channel that are to be written: of the past too, where none was."""
    past = cut(known or of_others or told([], untold or []), at=now)
    found = told(past, coming)
    return found if known else [*past, *found]


def _planned(currency: str, periods: Sequence[tuple[UUID, str | None, Period]]) -> dict[str, Any]:
    return {
        "currency": currency,
        "ids": row_ids(len(periods)),
        "variant_ids": [variant_id for variant_id, _, _ in periods],
        "channels": [channel for _, channel, _ in periods],
        "amounts": [one.amount for _, _, one in periods],
        "starts": [one.starts_at for _, _, one in periods],
        "ends": [one.ends_at for _, _, one in periods],
        "struck": [one.compare_at for _, _, one in periods],
        "since": [one.reduced_since for _, _, one in periods],
        "lowest": [one.lowest_before for _, _, one in periods],
    }


def _schedule(document: str) -> Schedule:
    found = orjson.loads(document)
    return Schedule(found["amount"], found["compare_at"], [_offer(one) for one in found["offers"]])


def _offer(found: Mapping[str, Any]) -> Offer:
    starts, ends = (found[name] and datetime.fromisoformat(found[name]) for name in ("starts_at", "ends_at"))
    return Offer(found["amount"], found["min_quantity"], found["group"], starts, ends, channel=found.get("channel"))


def _out(row: Mapping[str, Any]) -> PriceChangeOut:
    before, after = (row[name] and orjson.loads(row[name]) for name in ("before", "after"))
    return PriceChangeOut.model_validate({**row, "before": before, "after": after})
