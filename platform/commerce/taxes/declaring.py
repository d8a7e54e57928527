"""What is declared of the money that came and went: written down once for each movement of the ledger, for good.

A movement is written down when the worker comes round, by what the order says then; what a later one changes is
written with that. So a period that was reported stays as it was, and corrections fall into the period they are of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.taxes.declared import Amounts, Charged, Kind, charged_of, declared, still_to_declare
from foundation.database import Tx, hot
from foundation.events import DeclaredTax, Event, TaxDeclared, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.turns import in_turn

LATE = timedelta(days=2)
"""A movement that commits so long after another that happened later would be missed."""

# ix_ledger_posting_account, from where ix_tax_entry_occurred says that all is written down; and uq_tax_entry.
_MOVEMENTS = hot(
    text(
        """
        WITH since AS (
            SELECT coalesce(max(occurred_at) - CAST(:late AS interval), '-infinity') AS at FROM tax_entry
            WHERE tenant_id = :tenant_id)
        SELECT x.id, x.amount, x.currency, x.occurred_at, coalesce(p.order_id, r.order_id) AS order_id
        FROM since, ledger_posting x
        LEFT JOIN payment p ON p.tenant_id = x.tenant_id AND p.id = x.reference_id AND x.account = 'sales'
        LEFT JOIN refund r ON r.tenant_id = x.tenant_id AND r.id = x.reference_id AND x.account = 'refunds'
        WHERE x.tenant_id = :tenant_id AND x.account IN ('sales', 'refunds') AND x.occurred_at >= since.at
          AND coalesce(p.order_id, r.order_id) IS NOT NULL
          AND EXISTS (SELECT FROM tax_policy t WHERE t.tenant_id = :tenant_id)
          AND NOT EXISTS (SELECT FROM tax_entry e WHERE e.tenant_id = x.tenant_id AND e.posting_id = x.id)
        ORDER BY x.occurred_at, x.id LIMIT :limit
        """
    )
)

_ORDERS = hot(
    text(
        """
        SELECT o.id, coalesce((SELECT t.country FROM tax_policy t WHERE t.tenant_id = o.tenant_id), '') AS home,
            jsonb_build_object(
                'tax_included', o.tax_included, 'address', o.address, 'delivery', o.delivery, 'taxes', o.taxes,
                'shipping', o.shipping, 'shipping_tax', o.shipping_tax, 'shipping_credited', o.shipping_credited,
                'fees', o.fees, 'fees_tax', o.fees_tax,
                'consignments', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'id', c.id, 'address', c.address, 'delivery', c.delivery, 'taxes', c.taxes,
                        'shipping', c.shipping, 'shipping_tax', c.shipping_tax,
                        'shipping_credited', c.shipping_credited) ORDER BY c.number), '[]')
                    FROM order_consignment c WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id),
                'lines', (
                    SELECT jsonb_agg(jsonb_build_object(
                        'consignment_id', l.consignment_id, 'quantity', l.quantity, 'credited', l.credited,
                        'total', l.total, 'tax', l.tax, 'explanation', l.explanation) ORDER BY l.id)
                    FROM order_line l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id))::text AS document
        FROM orders o WHERE o.tenant_id = :tenant_id AND o.id = ANY(CAST(:order_ids AS uuid[]))
        """
    )
)

# ix_tax_entry_order
_SAID = hot(
    text(
        """
        SELECT order_id, country, scheme, name, rate, sum(taxable)::bigint AS taxable, sum(tax)::bigint AS tax
        FROM tax_entry WHERE tenant_id = :tenant_id AND order_id = ANY(CAST(:order_ids AS uuid[]))
        GROUP BY order_id, country, scheme, name, rate
        """
    )
)

_WRITE = hot(
    text(
        """
        INSERT INTO tax_entry (tenant_id, id, posting_id, order_id, occurred_at, currency, country, scheme, name, rate,
                               taxable, tax)
        SELECT :tenant_id, e.id, e.posting_id, e.order_id, e.occurred_at, e.currency, e.country, e.scheme, e.name,
               e.rate, e.taxable, e.tax
        FROM unnest(CAST(:ids AS uuid[]), CAST(:posting_ids AS uuid[]), CAST(:order_ids AS uuid[]),
                    CAST(:occurred AS timestamptz[]), CAST(:currencies AS text[]), CAST(:countries AS text[]),
                    CAST(:schemes AS text[]), CAST(:names AS text[]), CAST(:rates AS text[]),
                    CAST(:taxables AS bigint[]), CAST(:taxes AS bigint[]))
             AS e (id, posting_id, order_id, occurred_at, currency, country, scheme, name, rate, taxable, tax)
        """
    )
)


async def declare(tx: Tx, *, limit: int = 500) -> int:
    """Write down what movements of the ledger are of, the oldest first; gives how many they were."""
    await in_turn(tx, f"taxes:{tx.tenant_id}")
    movements = await tx.rows(_MOVEMENTS, {"late": LATE, "limit": limit})
    if not movements:
        return 0
    order_ids = list({movement["order_id"] for movement in movements})
    charged, said = await _charged(tx, order_ids), await _said(tx, order_ids)
    entries: list[tuple[asyncpg.Record, Kind, Amounts]] = []
    by_movement: list[tuple[asyncpg.Record, Mapping[Kind, Amounts]]] = []
    for movement in movements:
        before = said[movement["order_id"]]
        money = sum(amounts.taxable + amounts.tax for amounts in before.values()) - movement["amount"]
        now = declared(charged[movement["order_id"]], money)
        more = still_to_declare(now, before) or {Kind("", "none", "none", "0"): Amounts()}
        by_movement.append((movement, more))
        entries += [(movement, kind, amounts) for kind, amounts in more.items()]
        said[movement["order_id"]] = now
    await tx.rows(_WRITE, _columns(entries))
    await announce(tx, [_told(tx, movement, parts) for movement, parts in by_movement])
    return len(movements)


def _told(tx: Tx, movement: asyncpg.Record, parts: Mapping[Kind, Amounts]) -> Event:
    fact = TaxDeclared(
        posting_id=movement["id"],
        order_id=movement["order_id"],
        currency=movement["currency"],
        entries=[DeclaredTax(**asdict(kind), **asdict(amounts)) for kind, amounts in parts.items()],
    )
    return record(fact, tenant_id=tx.tenant_id, aggregate_id=movement["order_id"], occurred_at=movement["occurred_at"])


async def _charged(tx: Tx, order_ids: list[UUID]) -> dict[UUID, list[Charged]]:
    rows = await tx.rows(_ORDERS, {"order_ids": order_ids})
    return {row["id"]: charged_of(orjson.loads(row["document"]), row["home"]) for row in rows}


async def _said(tx: Tx, order_ids: list[UUID]) -> dict[UUID, dict[Kind, Amounts]]:
    found: dict[UUID, dict[Kind, Amounts]] = defaultdict(dict)
    for row in await tx.rows(_SAID, {"order_ids": order_ids}):
        kind = Kind(row["country"], row["scheme"], row["name"], row["rate"])
        found[row["order_id"]][kind] = Amounts(row["taxable"], row["tax"])
    return found


def _columns(entries: list[tuple[asyncpg.Record, Kind, Amounts]]) -> dict[str, Any]:
    return {
        "ids": [new_id() for _ in entries],
        "posting_ids": [movement["id"] for movement, _, _ in entries],
        "order_ids": [movement["order_id"] for movement, _, _ in entries],
        "occurred": [movement["occurred_at"] for movement, _, _ in entries],
        "currencies": [movement["currency"] for movement, _, _ in entries],
        "countries": [kind.country for _, kind, _ in entries],
        "schemes": [kind.scheme for _, kind, _ in entries],
        "names": [kind.name for _, kind, _ in entries],
        "rates": [kind.rate for _, kind, _ in entries],
        "taxables": [amounts.taxable for _, _, amounts in entries],
        "taxes": [amounts.tax for _, _, amounts in entries],
    }
