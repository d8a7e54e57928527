"""The SKUs of a bulk price change: looked at, taken batch by batch, and shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.bulk_pricing.judging import Verdict
from commerce.bulk_pricing.schemas import BulkChangeIn, RowOut, State
from commerce.paging import FIRST
from foundation.database import Database, Tx, hot
from foundation.money import to_decimal
from foundation.spreadsheets import csv_of

_AT_ONCE = 1_000
"""Rows of a file that are read at a time."""
HEAD = (
    "sku",
    "title",
    "state",
    "price_before",
    "price_after",
    "change",
    "struck_before",
    "struck_after",
    "violations",
    "warnings",
)
_MARK = "\ufeff"
"""By which spreadsheets know that a CSV is in UTF-8."""

# ix_bulk_price_row_state; whoever takes them holds the change, so nobody else does.
_BATCH = hot(
    text(
        """
        SELECT variant_id, base, before, after, struck_before, struck_after FROM bulk_price_row
        WHERE tenant_id = :tenant_id AND change_id = :change_id AND state = :state ORDER BY variant_id LIMIT :limit
        """
    )
)
_LOOKED_AT = hot(
    text(
        """
        UPDATE bulk_price_row w SET
            state = t.state, base = t.base, before = t.before, after = t.after, struck_before = t.struck_before,
            struck_after = t.struck_after,
            violations = ARRAY(SELECT jsonb_array_elements_text(CAST(t.violations AS jsonb))),
            warnings = ARRAY(SELECT jsonb_array_elements_text(CAST(t.warnings AS jsonb)))
        FROM unnest(CAST(:variant_ids AS uuid[]), CAST(:states AS text[]), CAST(:bases AS bigint[]),
                    CAST(:befores AS bigint[]), CAST(:afters AS bigint[]), CAST(:struck_befores AS bigint[]),
                    CAST(:struck_afters AS bigint[]), CAST(:violations AS text[]), CAST(:warnings AS text[]))
             AS t (variant_id, state, base, before, after, struck_before, struck_after, violations, warnings)
        WHERE w.tenant_id = :tenant_id AND w.change_id = :change_id AND w.variant_id = t.variant_id
        """
    )
)
_DROP = hot(
    text(
        """
        DELETE FROM bulk_price_row
        WHERE tenant_id = :tenant_id AND change_id = :change_id AND variant_id = ANY(CAST(:variant_ids AS uuid[]))
        """
    )
)
_BECAME = hot(
    text(
        """
        UPDATE bulk_price_row w SET
            state = t.state,
            violations = ARRAY(SELECT jsonb_array_elements_text(CAST(t.violations AS jsonb)))
        FROM unnest(CAST(:variant_ids AS uuid[]), CAST(:states AS text[]), CAST(:violations AS text[]))
             AS t (variant_id, state, violations)
        WHERE w.tenant_id = :tenant_id AND w.change_id = :change_id AND w.variant_id = t.variant_id
        """
    )
)
# What is looked at again before any is applied: in the state in which it was seen, or not. uq_price_variant
_OTHERWISE_LISTED = hot(
    text(
        """
        SELECT w.sku FROM bulk_price_row w
        LEFT JOIN price r ON (r.tenant_id, r.variant_id) = (w.tenant_id, w.variant_id)
            AND r.currency = CAST(:currency AS text)
        WHERE w.tenant_id = :tenant_id AND w.change_id = :change_id AND w.state = 'planned'
          AND (r.amount IS DISTINCT FROM w.base OR r.compare_at IS DISTINCT FROM w.struck_before)
        LIMIT :limit
        """
    )
)
# uq_price_variant, ix_price_offer_variant
_OTHERWISE_OFFERED = hot(
    text(
        """
        SELECT w.sku FROM bulk_price_row w
        LEFT JOIN price r ON (r.tenant_id, r.variant_id) = (w.tenant_id, w.variant_id)
            AND r.currency = CAST(:currency AS text)
        CROSS JOIN LATERAL (
            SELECT min(x.amount) FILTER (WHERE x.starts_at IS NULL AND x.ends_at IS NULL
                                           AND CAST(:price_group AS text) IS NOT NULL) AS standing,
                   min(x.amount) FILTER (WHERE x.starts_at IS NOT DISTINCT FROM CAST(:starts_at AS timestamptz)
                                           AND x.ends_at IS NOT DISTINCT FROM CAST(:ends_at AS timestamptz)) AS offered
            FROM price_offer x
            WHERE (x.tenant_id, x.variant_id) = (w.tenant_id, w.variant_id) AND x.currency = CAST(:currency AS text)
              AND x.min_quantity = 1 AND x.channel IS NULL
              AND x.price_group IS NOT DISTINCT FROM CAST(:price_group AS text)) o
        WHERE w.tenant_id = :tenant_id AND w.change_id = :change_id AND w.state = 'planned'
          AND (r.amount IS NULL OR least(r.amount, o.standing) <> w.base OR o.offered IS DISTINCT FROM w.before)
        LIMIT :limit
        """
    )
)
_SHOWN = """
    SELECT w.variant_id, w.sku, p.title || CASE WHEN v.title = '' THEN '' ELSE ' · ' || v.title END AS title, w.state,
           w.base, w.before, w.after, w.struck_before, w.struck_after, to_jsonb(w.violations)::text AS violations,
           to_jsonb(w.warnings)::text AS warnings
    FROM bulk_price_row w JOIN variant v ON (v.tenant_id, v.id) = (w.tenant_id, w.variant_id)
    JOIN product p ON (p.tenant_id, p.id) = (v.tenant_id, v.product_id)
    WHERE w.tenant_id = :tenant_id AND w.change_id = :change_id AND w.variant_id > CAST(:after AS uuid) {of_state}
    ORDER BY w.variant_id LIMIT :limit
"""
# pk_bulk_price_row
_ALL = hot(text(_SHOWN.format(of_state="")))
# ix_bulk_price_row_state
_IN_STATE = hot(text(_SHOWN.format(of_state="AND w.state = CAST(:state AS text)")))


async def batch(tx: Tx, change_id: UUID, state: State, limit: int) -> Sequence[Mapping[str, Any]]:
    """Some of a change's rows that are in a state."""
    found: Sequence[Mapping[str, Any]] = await tx.rows(_BATCH, {"change_id": change_id, "state": state, "limit": limit})
    return found


async def looked_at(tx: Tx, change_id: UUID, verdicts: Sequence[Verdict], gone: Sequence[UUID]) -> None:
    """Write down what a change makes of SKUs; those that are `gone` since they were found are dropped."""
    values = {
        "variant_ids": [one.facts.variant_id for one in verdicts],
        "states": [one.state for one in verdicts],
        "bases": [one.base for one in verdicts],
        "befores": [one.before for one in verdicts],
        "afters": [one.after for one in verdicts],
        "struck_befores": [one.struck_before for one in verdicts],
        "struck_afters": [one.struck_after for one in verdicts],
        "violations": [_json(one.violations) for one in verdicts],
        "warnings": [_json(one.warnings) for one in verdicts],
    }
    await tx.rows(_LOOKED_AT, {**values, "change_id": change_id})
    if gone:
        await tx.rows(_DROP, {"change_id": change_id, "variant_ids": list(gone)})


async def became(tx: Tx, change_id: UUID, states: Mapping[UUID, tuple[State, Sequence[str]]]) -> None:
    """Write down which state rows are in now, and what was in the way."""
    values = {
        "variant_ids": list(states),
        "states": [state for state, _ in states.values()],
        "violations": [_json(violations) for _, violations in states.values()],
    }
    await tx.rows(_BECAME, {**values, "change_id": change_id})


async def otherwise(tx: Tx, change_id: UUID, change: BulkChangeIn, limit: int) -> list[str]:
    """The first SKUs of a change that cost something else than when they were looked at."""
    values: dict[str, Any] = {"change_id": change_id, "currency": change.currency, "limit": limit}
    if not change.is_offer:
        return [row["sku"] for row in await tx.rows(_OTHERWISE_LISTED, values)]
    values |= {"price_group": change.group, "starts_at": change.starts_at, "ends_at": change.ends_at}
    return [row["sku"] for row in await tx.rows(_OTHERWISE_OFFERED, values)]


async def page(tx: Tx, change_id: UUID, state: State | None, after: UUID, limit: int) -> list[tuple[UUID, RowOut]]:
    """Rows of a change behind a variant, in the order of their ids; only those in a state if one is given."""
    values = {"change_id": change_id, "after": after, "limit": limit}
    found = await (tx.rows(_ALL, values) if state is None else tx.rows(_IN_STATE, {**values, "state": state}))
    return [(row["variant_id"], _out(row)) for row in found]


async def pieces(database: Database, tenant_id: UUID, change_id: UUID, currency: str) -> AsyncIterator[bytes]:
    """All rows as a CSV, some at a time; amounts as people write them."""
    yield (_MARK + csv_of([HEAD])).encode()
    after = FIRST
    while True:
        async with database.tx(tenant_id, read_only=True) as tx:
            found = await page(tx, change_id, None, after, _AT_ONCE)
        if not found:
            return
        after = found[-1][0]
        yield csv_of(_cells(row, currency) for _, row in found).encode()


def _cells(row: RowOut, currency: str) -> list[object]:
    def amount(minor: int | None) -> Decimal | str:
        return "" if minor is None else to_decimal(minor, currency)

    change = None if row.after is None else row.after - row.base
    struck = amount(row.struck_before), amount(row.struck_after)
    told = " ".join(row.violations), " ".join(row.warnings)
    return [row.sku, row.title, row.state, amount(row.base), amount(row.after), amount(change), *struck, *told]


def _out(row: Mapping[str, Any]) -> RowOut:
    told = {name: orjson.loads(row[name]) for name in ("violations", "warnings")}
    return RowOut.model_validate({**row, **told})


def _json(value: Sequence[str]) -> str:
    return orjson.dumps(value).decode()
