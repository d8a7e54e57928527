"""The statements of stock-keeping, compiled once. Each changes a balance on the condition that makes it right."""

from __future__ import annotations

from sqlalchemy import text

from foundation.database import hot

MINE = "(CAST(:mine AS uuid[]) IS NULL OR {id} = ANY(CAST(:mine AS uuid[])))"
"""Whoever is bound to some warehouses, `Limits.mine`, has to do with no other: one is as if it did not exist."""
_OWN = MINE.format(id="w.id")

# uq_variant_sku and uq_warehouse_code. Whoever keeps a variant's stock has it to themselves, and its warehouse stays as
# it is, so that a new balance keeps back what it should; selling doesn't wait for that.
PLACE = hot(
    text(
        f"""
        WITH place AS (
            SELECT w.id FROM warehouse w
            WHERE w.tenant_id = :tenant_id AND w.code = :warehouse AND {_OWN} FOR SHARE)
        SELECT (SELECT id FROM place) AS warehouse_id, id AS variant_id, product_id, bundle
        FROM variant WHERE tenant_id = :tenant_id AND sku = :sku FOR NO KEY UPDATE
        """
    )
)

ALL = 10**15
"""More than any balance has: what a warehouse that is closed keeps back."""

KEPT_BACK = f"""
    CASE WHEN EXISTS (SELECT FROM warehouse w WHERE w.tenant_id = :tenant_id AND w.id = :warehouse_id AND NOT w.active)
         THEN {ALL} ELSE coalesce((SELECT safety_stock FROM stock_policy y
                                   WHERE y.tenant_id = :tenant_id AND y.variant_id = :variant_id), 0) END
"""

WAREHOUSE = hot(
    text(f"SELECT w.id FROM warehouse w WHERE w.tenant_id = :tenant_id AND w.code = :warehouse AND {_OWN} FOR SHARE")
)

# Units that came in or back: to be sold, or written off at once.
TAKE_IN = hot(
    text(
        f"""
        INSERT INTO stock AS s (tenant_id, id, warehouse_id, variant_id, received, available, written_off, kept_back)
        VALUES (:tenant_id, :id, :warehouse_id, :variant_id, CAST(:restocked AS bigint) + CAST(:lost AS bigint),
                :restocked, :lost, {KEPT_BACK})
        ON CONFLICT (tenant_id, variant_id, warehouse_id) DO UPDATE
            SET received = s.received + excluded.received, available = s.available + excluded.available,
                written_off = s.written_off + excluded.written_off
        RETURNING id, available - kept_back AS available, lotted
        """
    )
)

WRITE_OFF = hot(
    text(
        """
        UPDATE stock SET available = available - :quantity, written_off = written_off + :quantity
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND warehouse_id = :warehouse_id
          AND available >= :quantity
        RETURNING id, available - kept_back AS available, lotted
        """
    )
)

# What is counted is what lies there: available and reserved. No row comes back when less lies there than is promised.
COUNT = hot(
    text(
        """
        WITH was AS (
            SELECT id, available + reserved AS there FROM stock
            WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND warehouse_id = :warehouse_id FOR UPDATE)
        UPDATE stock s
        SET available = CAST(:counted AS bigint) - s.reserved,
            received = s.received + greatest(CAST(:counted AS bigint) - was.there, 0),
            written_off = s.written_off + greatest(was.there - CAST(:counted AS bigint), 0)
        FROM was
        WHERE s.tenant_id = :tenant_id AND s.id = was.id AND CAST(:counted AS bigint) >= s.reserved
        RETURNING s.id, s.available - s.kept_back AS available, s.lotted,
                  CAST(:counted AS bigint) - was.there AS difference
        """
    )
)

# Both rows in the order of their ids, so that two transfers there and back can't deadlock.
LOCK_PAIR = hot(
    text(
        """
        SELECT id FROM stock
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id
          AND warehouse_id = ANY(CAST(:warehouse_ids AS uuid[]))
        ORDER BY id FOR UPDATE
        """
    )
)

SEND = hot(
    text(
        """
        UPDATE stock SET available = available - :quantity, received = received - :quantity
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND warehouse_id = :warehouse_id
          AND available >= :quantity
        RETURNING id, available - kept_back AS available, lotted
        """
    )
)

LEVEL = hot(
    text(
        """
        SELECT available, reserved FROM stock
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND warehouse_id = :warehouse_id
        """
    )
)

MOVE = hot(
    text(
        """
        INSERT INTO stock_movement (tenant_id, id, stock_id, lot_id, kind, quantity, reason, reference_id)
        VALUES (:tenant_id, :id, :stock_id, CAST(:lot_id AS uuid), :kind, :quantity, :reason,
                CAST(:reference_id AS uuid))
        """
    )
)

LEVELS = hot(
    text(
        f"""
        SELECT w.code AS warehouse, v.sku, s.received, s.available, least(s.kept_back, s.available) AS kept_back,
               s.reserved, s.sold, s.written_off
        FROM variant v
        JOIN stock s ON s.tenant_id = v.tenant_id AND s.variant_id = v.id
        JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku AND {_OWN} ORDER BY w.code
        """
    )
)

MOVEMENTS = hot(
    text(
        f"""
        SELECT m.id, w.code AS warehouse, l.code AS lot, m.kind, m.quantity, m.reason, m.reference_id, m.created_at
        FROM variant v
        JOIN stock s ON s.tenant_id = v.tenant_id AND s.variant_id = v.id
        JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
        JOIN stock_movement m ON m.tenant_id = s.tenant_id AND m.stock_id = s.id
        LEFT JOIN stock_lot l ON l.tenant_id = m.tenant_id AND l.id = m.lot_id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku AND {_OWN} AND m.id < CAST(:before AS uuid)
        ORDER BY m.id DESC LIMIT :limit
        """
    )
)

VARIANTS = hot(
    text(
        """
        SELECT id FROM variant WHERE tenant_id = :tenant_id AND id = ANY(CAST(:variant_ids AS uuid[]))
        ORDER BY id FOR NO KEY UPDATE
        """
    )
)

VARIANT = hot(text("SELECT id, product_id FROM variant WHERE tenant_id = :tenant_id AND sku = :sku FOR NO KEY UPDATE"))

# More can be had of the balances that keep less back than before. A closed warehouse keeps everything back.
KEEP_BACK = hot(
    text(
        f"""
        WITH was AS (
            SELECT s.id, s.kept_back, CASE WHEN w.active THEN CAST(:safety_stock AS bigint) ELSE {ALL} END AS becomes
            FROM stock s JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
            WHERE s.tenant_id = :tenant_id AND s.variant_id = :variant_id ORDER BY s.id FOR UPDATE OF s)
        UPDATE stock s SET kept_back = was.becomes FROM was
        WHERE s.tenant_id = :tenant_id AND s.id = was.id AND was.kept_back <> was.becomes
        RETURNING s.id AS stock_id, s.available - s.kept_back AS available, was.kept_back - s.kept_back AS units,
                  s.lotted
        """
    )
)

SET_POLICY = hot(
    text(
        """
        INSERT INTO stock_policy (tenant_id, id, variant_id, safety_stock, backorder_limit, lead_days, available_from)
        VALUES (:tenant_id, :id, :variant_id, :safety_stock, :backorder_limit, :lead_days,
                CAST(:available_from AS date))
        ON CONFLICT (tenant_id, variant_id) DO UPDATE
            SET safety_stock = excluded.safety_stock, backorder_limit = excluded.backorder_limit,
                lead_days = excluded.lead_days, available_from = excluded.available_from
        """
    )
)

POLICY = hot(
    text(
        """
        SELECT v.sku, coalesce(y.safety_stock, 0) AS safety_stock, coalesce(y.backorder_limit, 0) AS backorder_limit,
               coalesce(y.promised, 0) AS promised, coalesce(y.lead_days, 0) AS lead_days, y.available_from
        FROM variant v LEFT JOIN stock_policy y ON y.tenant_id = v.tenant_id AND y.variant_id = v.id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku
        """
    )
)

# ix_promise_open
PROMISES = hot(
    text(
        """
        SELECT p.id, p.order_id, p.quantity, p.allocated, p.released, p.quantity - p.allocated - p.released AS waiting,
               p.created_at
        FROM variant v JOIN promise p ON p.tenant_id = v.tenant_id AND p.variant_id = v.id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku AND p.allocated + p.released < p.quantity
          AND p.id > CAST(:after AS uuid)
        ORDER BY p.id LIMIT :limit
        """
    )
)

LOTS = hot(
    text(
        f"""
        SELECT w.code AS warehouse, l.code AS lot, l.expires_on, l.recalled_at, l.received, l.available, l.reserved,
               l.sold, l.written_off
        FROM variant v
        JOIN stock s ON s.tenant_id = v.tenant_id AND s.variant_id = v.id
        JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
        JOIN stock_lot l ON l.tenant_id = s.tenant_id AND l.stock_id = s.id
        WHERE v.tenant_id = :tenant_id AND v.sku = :sku AND {_OWN}
        ORDER BY l.expires_on NULLS LAST, l.code, w.code LIMIT 500
        """
    )
)

# ix_stock_movement_lot and ix_reservation_lot: what left in parcels, and what orders still hold.
RECALL = hot(
    text(
        f"""
        WITH lot AS (
            SELECT l.id, w.code AS warehouse FROM variant v
            JOIN stock s ON s.tenant_id = v.tenant_id AND s.variant_id = v.id
            JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
            JOIN stock_lot l ON l.tenant_id = s.tenant_id AND l.stock_id = s.id AND l.code = :lot
            WHERE v.tenant_id = :tenant_id AND v.sku = :sku AND {_OWN}),
        units AS (
            SELECT f.order_id, f.id AS fulfilment_id, f.shipped_at, lot.warehouse, sum(m.quantity)::bigint AS quantity
            FROM lot JOIN stock_movement m ON m.tenant_id = :tenant_id AND m.lot_id = lot.id AND m.kind = 'sell'
            JOIN fulfilment f ON f.tenant_id = m.tenant_id AND f.id = m.reference_id
            GROUP BY f.order_id, f.id, f.shipped_at, lot.warehouse
            UNION ALL
            SELECT r.order_id, NULL, NULL, lot.warehouse, sum(r.quantity - r.sold - r.released)::bigint
            FROM lot JOIN reservation r ON r.tenant_id = :tenant_id AND r.lot_id = lot.id AND r.order_id IS NOT NULL
            WHERE r.quantity > r.sold + r.released GROUP BY r.order_id, lot.warehouse)
        SELECT o.id AS order_id, o.number, o.email, u.fulfilment_id, u.shipped_at, u.warehouse, u.quantity
        FROM units u JOIN orders o ON o.tenant_id = :tenant_id AND o.id = u.order_id
        WHERE o.id > CAST(:after AS uuid) ORDER BY o.id, u.fulfilment_id LIMIT :limit
        """
    )
)

# Every balance of the shop, rebuilt from its movements, where it differs from what is kept.
DISCREPANCIES = hot(
    text(
        """
        WITH log AS (
            SELECT stock_id, kind, sum(quantity)::bigint AS units FROM stock_movement
            WHERE tenant_id = :tenant_id GROUP BY stock_id, kind),
        rebuilt AS (
            SELECT s.id,
                coalesce(sum(units * CASE kind WHEN 'receive' THEN 1 WHEN 'transfer_in' THEN 1 WHEN 'take_back' THEN 1
                                               WHEN 'transfer_out' THEN -1 ELSE 0 END), 0)::bigint AS received,
                coalesce(sum(units * CASE kind WHEN 'receive' THEN 1 WHEN 'transfer_in' THEN 1 WHEN 'take_back' THEN 1
                                               WHEN 'transfer_out' THEN -1 WHEN 'reserve' THEN -1
                                               WHEN 'release' THEN 1 WHEN 'write_off' THEN -1 ELSE 0 END), 0)::bigint
                    AS available,
                coalesce(sum(units * CASE kind WHEN 'reserve' THEN 1 WHEN 'release' THEN -1
                                               WHEN 'sell' THEN -1 ELSE 0 END), 0)::bigint AS reserved,
                coalesce(sum(units) FILTER (WHERE kind = 'sell'), 0)::bigint AS sold,
                coalesce(sum(units) FILTER (WHERE kind = 'write_off'), 0)::bigint AS written_off
            FROM stock s LEFT JOIN log ON log.stock_id = s.id
            WHERE s.tenant_id = :tenant_id GROUP BY s.id)
        SELECT s.id FROM stock s JOIN rebuilt r ON r.id = s.id
        WHERE s.tenant_id = :tenant_id
          AND (s.received, s.available, s.reserved, s.sold, s.written_off)
              IS DISTINCT FROM (r.received, r.available, r.reserved, r.sold, r.written_off)
        ORDER BY s.id
        """
    )
)
