"""The cart's statements, compiled once. A cart is read whole: lines, what they are, today's price, what can be had."""

from __future__ import annotations

from sqlalchemy import text

from commerce.inventory.bundles import COMPONENTS
from commerce.inventory.service import ON_HAND
from commerce.inventory.supply import ENDLESS
from commerce.pricing.offers import offers_of
from commerce.promotions.codes import codes_of
from foundation.database import hot
from foundation.outbox import announcing

_OWN = """
    c.status <> 'merged' AND ((CAST(:customer_id AS uuid) IS NOT NULL AND c.customer_id = :customer_id)
     OR (CAST(:customer_id AS uuid) IS NULL AND c.visitor_id = :visitor_id AND c.customer_id IS NULL))
"""

_CHANNEL = "(SELECT c.channel FROM cart c WHERE c.tenant_id = CAST(:tenant_id AS uuid) AND c.id = :cart_id)"

TO_BE_HAD = f"""
    CASE WHEN (SELECT b.bundle FROM variant b WHERE b.tenant_id = l.tenant_id AND b.id = l.variant_id) THEN {ENDLESS}
         ELSE 0 END
    + {ON_HAND} + coalesce((SELECT greatest(y.backorder_limit - y.promised, 0) FROM stock_policy y
                          WHERE y.tenant_id = l.tenant_id AND y.variant_id = l.variant_id), 0)
"""
"""How many units of the variant of a line `l` can be had, now or later; a bundle has no stock to count."""

# ix_cart_customer and ix_cart_visitor
CURRENT = hot(
    text(
        f"""
        SELECT c.id FROM cart c
        WHERE c.tenant_id = :tenant_id AND c.status = 'open' AND c.channel = :channel AND {_OWN}
        ORDER BY c.created_at DESC, c.id DESC LIMIT 1
        """
    )
)

OPEN = hot(
    text(
        """
        INSERT INTO cart (tenant_id, id, visitor_id, customer_id, currency, channel)
        VALUES (:tenant_id, :id, :visitor_id, :customer_id, :currency, :channel)
        """
    )
)

# Whoever waits for this lock reads the lines in a later statement, and so sees what the holder wrote.
LOCK = hot(
    text(
        f"""
        SELECT c.status, c.currency FROM cart c
        WHERE c.tenant_id = :tenant_id AND c.id = :cart_id AND {_OWN} FOR UPDATE
        """
    )
)

# The same of whoever changes the cart: the lock is the change.
CHANGE = hot(
    text(
        f"""
        UPDATE cart c SET version = c.version + 1, updated_at = CAST(:now AS timestamptz), abandoned_at = NULL
        WHERE c.tenant_id = :tenant_id AND c.id = :cart_id AND c.status = 'open' AND {_OWN}
        RETURNING c.currency
        """
    )
)

# And of whoever begins to pay for it.
CLOSE = hot(
    text(
        f"""
        UPDATE cart c SET status = 'completing', version = c.version + 1, updated_at = CAST(:now AS timestamptz),
                          abandoned_at = NULL
        WHERE c.tenant_id = :tenant_id AND c.id = :cart_id AND c.status = 'open' AND {_OWN}
        RETURNING c.id
        """
    )
)

READ = hot(
    text(
        f"""
        SELECT c.id, c.status, c.version, c.currency, c.channel, c.visitor_id, c.customer_id, c.address::text,
               c.delivery_code,
               {codes_of("c.code_ids")} AS codes, c.note, c.gift::text,
               (SELECT jsonb_build_object('price', w.price, 'tax_class', w.tax_class, 'active', w.active)::text
                FROM gift_wrap w WHERE w.tenant_id = :tenant_id AND w.active) AS wrap,
               c.vat_id::text, c.consignments::text, c.delivery_slot::text, c.tax_quote::text,
               EXISTS (SELECT FROM delivery_method d WHERE d.tenant_id = c.tenant_id AND d.active) AS delivers,
               EXISTS (SELECT FROM tax_policy t WHERE t.tenant_id = c.tenant_id) AS taxes,
               l.id AS line_id, l.variant_id, l.quantity, l.unit_price, l.decision_id,
               l.explanation::text, l.gift::text AS line_gift, {offers_of("v", "c.currency", "c.channel")} AS offers,
               v.product_id, v.sku, v.title AS variant_title, p.title AS product_title, p.handle, p.image,
               p.status = 'published' AND NOT v.discontinued AS for_sale,
               p.tax_class, p.vendor_id, r.amount AS list_price,
               {ON_HAND} AS available, greatest(y.backorder_limit - y.promised, 0) AS room, y.lead_days,
               y.available_from, {COMPONENTS} AS components,
               (SELECT a.rule FROM allocation_policy a WHERE a.tenant_id = c.tenant_id) AS rule
        FROM cart c
        LEFT JOIN cart_line l ON l.tenant_id = c.tenant_id AND l.cart_id = c.id
        LEFT JOIN variant v ON v.tenant_id = l.tenant_id AND v.id = l.variant_id
        LEFT JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        LEFT JOIN price r ON r.tenant_id = l.tenant_id AND r.variant_id = l.variant_id AND r.currency = c.currency
        LEFT JOIN stock_policy y ON y.tenant_id = l.tenant_id AND y.variant_id = l.variant_id
        WHERE c.tenant_id = :tenant_id AND c.id = :cart_id AND {_OWN}
        ORDER BY l.id
        """
    )
)

SET_ADDRESS = hot(
    text(
        """
        UPDATE cart SET address = CAST(CAST(:address AS text) AS jsonb), consignments = NULL
        WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)

SET_NOTE = hot(text("UPDATE cart SET note = CAST(:note AS text) WHERE tenant_id = :tenant_id AND id = :cart_id"))

SET_VAT_ID = hot(
    text(
        """
        UPDATE cart SET vat_id = CAST(CAST(:vat_id AS text) AS jsonb) WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)

SET_DELIVERY = hot(
    text(
        """
        UPDATE cart SET delivery_code = :code, delivery_slot = CAST(CAST(:slot AS text) AS jsonb), consignments = NULL
        WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)

# The last to come are left out when there would be too many.
GIVE_CODE = hot(
    text(
        """
        UPDATE cart SET code_ids = array_append(code_ids, CAST(:code_id AS uuid)), version = version + 1,
                        updated_at = CAST(:now AS timestamptz), abandoned_at = NULL
        WHERE tenant_id = :tenant_id AND id = :cart_id AND NOT CAST(:code_id AS uuid) = ANY(code_ids)
          AND cardinality(code_ids) < :max_codes
        RETURNING id
        """
    )
)

TAKE_CODE_OUT = hot(
    text(
        """
        UPDATE cart c SET code_ids = array_remove(c.code_ids, d.id), version = c.version + 1,
                          updated_at = CAST(:now AS timestamptz), abandoned_at = NULL
        FROM discount_code d
        WHERE c.tenant_id = :tenant_id AND c.id = :cart_id AND d.tenant_id = c.tenant_id AND d.code = :code
          AND d.id = ANY(c.code_ids)
        """
    )
)

# What there is of it already, because the price may depend on how many there will be.
OFFER = hot(
    text(
        f"""
        SELECT v.product_id, r.amount AS list_price, {offers_of("v", "r.currency", _CHANNEL)} AS offers,
               coalesce((SELECT l.quantity FROM cart_line l
                         WHERE l.tenant_id = v.tenant_id AND l.cart_id = :cart_id AND l.variant_id = v.id), 0) AS there
        FROM variant v
        JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        JOIN price r ON r.tenant_id = v.tenant_id AND r.variant_id = v.id AND r.currency = :currency
        WHERE v.tenant_id = :tenant_id AND v.id = :variant_id AND p.status = 'published'
              AND NOT v.discontinued
        """
    )
)

# No row comes back when the cart or the line is full. The caller holds the cart's lock, so nobody counts beside it.
# A lower price is taken as it is; a higher one than the shopper last saw is left to be accepted.
ADD = announcing(
    """
    INSERT INTO cart_line AS l (tenant_id, id, cart_id, variant_id, quantity, unit_price, explanation,
                                decision_id)
    SELECT :tenant_id, :line_id, :cart_id, :variant_id, :quantity, :unit_price,
           CAST(CAST(:explanation AS text) AS jsonb), CAST(:decision_id AS uuid)
    WHERE (SELECT count(*) FROM cart_line o
           WHERE o.tenant_id = :tenant_id AND o.cart_id = :cart_id AND o.variant_id <> :variant_id) < :max_lines
    ON CONFLICT (tenant_id, cart_id, variant_id) DO UPDATE SET
        quantity = l.quantity + excluded.quantity, unit_price = least(l.unit_price, excluded.unit_price),
        explanation = CASE WHEN excluded.unit_price <= l.unit_price THEN excluded.explanation
                           ELSE l.explanation END
    WHERE l.quantity + excluded.quantity <= :max_quantity
    RETURNING l.id
    """
)

LINE = hot(
    text(
        f"""
        SELECT l.variant_id, l.quantity, l.unit_price, l.decision_id, v.product_id, r.amount AS list_price,
               {offers_of("v", "r.currency", _CHANNEL)} AS offers
        FROM cart_line l JOIN variant v ON v.tenant_id = l.tenant_id AND v.id = l.variant_id
        LEFT JOIN price r ON r.tenant_id = v.tenant_id AND r.variant_id = v.id AND r.currency = :currency
        WHERE l.tenant_id = :tenant_id AND l.cart_id = :cart_id AND l.id = :line_id
        """
    )
)

# As when more is added: a lower price is taken, a higher one left to be accepted.
SET_QUANTITY = hot(
    text(
        """
        UPDATE cart_line
        SET quantity = :quantity, unit_price = least(unit_price, CAST(:unit_price AS bigint)),
            explanation = CASE WHEN CAST(:unit_price AS bigint) <= unit_price
                               THEN CAST(CAST(:explanation AS text) AS jsonb) ELSE explanation END
        WHERE tenant_id = :tenant_id AND id = :line_id
        """
    )
)

REMOVE = hot(text("DELETE FROM cart_line WHERE tenant_id = :tenant_id AND id = :line_id"))

ACCEPT_PRICES = hot(
    text(
        """
        UPDATE cart_line l SET unit_price = a.unit_price, explanation = CAST(a.explanation AS jsonb)
        FROM unnest(CAST(:line_ids AS uuid[]), CAST(:unit_prices AS bigint[]), CAST(:explanations AS text[]))
             AS a (id, unit_price, explanation)
        WHERE l.tenant_id = :tenant_id AND l.id = a.id AND l.unit_price <> a.unit_price
        """
    )
)

TOUCH = hot(
    text(
        """
        UPDATE cart SET version = version + 1, updated_at = CAST(:now AS timestamptz), abandoned_at = NULL
        WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)

# No row comes back when the cart was in another state.
BECOME = hot(
    text(
        """
        UPDATE cart SET status = :status, version = version + 1, updated_at = CAST(:now AS timestamptz),
                        abandoned_at = NULL
        WHERE tenant_id = :tenant_id AND id = :cart_id AND status = :was
        RETURNING id
        """
    )
)

# Both carts of a sign-in, of the channel on which it is, in the order of their ids, whatever part each plays.
LOCK_PAIR = hot(
    text(
        """
        SELECT id, customer_id FROM cart
        WHERE tenant_id = :tenant_id AND status = 'open' AND channel = :channel
          AND (customer_id = :customer_id OR (visitor_id = :visitor_id AND customer_id IS NULL))
        ORDER BY id FOR UPDATE
        """
    )
)

# Lines that both carts have add up, within what can be had; what the customer had is never made less. What can be had
# of a bundle's parts is asked when the cart is read.
MERGE_SHARED = hot(
    text(
        f"""
        UPDATE cart_line l
        SET quantity = greatest(l.quantity, least(
            l.quantity + brought.quantity, CAST(:max_quantity AS bigint),
            {TO_BE_HAD})),
            gift = coalesce(l.gift, brought.gift)
        FROM cart_line brought
        WHERE l.tenant_id = :tenant_id AND l.cart_id = :into AND brought.tenant_id = l.tenant_id
          AND brought.cart_id = :brought AND brought.variant_id = l.variant_id
        """
    )
)

# So are those that only the visitor had; what can't be had at all is left as it was, and says so in the cart.
MERGE_OTHERS = hot(
    text(
        f"""
        UPDATE cart_line moved
        SET cart_id = :into,
            quantity = CASE WHEN b.to_be_had > 0 THEN least(moved.quantity, b.to_be_had) ELSE moved.quantity END
        FROM (SELECT l.id, {TO_BE_HAD} AS to_be_had FROM cart_line l
              WHERE l.tenant_id = :tenant_id AND l.cart_id = :brought
                AND NOT EXISTS (SELECT FROM cart_line own WHERE own.tenant_id = l.tenant_id AND own.cart_id = :into
                                                            AND own.variant_id = l.variant_id)
              ORDER BY l.id
              LIMIT :max_lines - (SELECT count(*) FROM cart_line o
                                  WHERE o.tenant_id = :tenant_id AND o.cart_id = :into)) b
        WHERE moved.tenant_id = :tenant_id AND moved.id = b.id
        """
    )
)

# What a visitor's cart has no room for in the customer's is kept for later.
KEEP_REST = hot(
    text(
        """
        INSERT INTO saved_item AS s (tenant_id, id, holder_id, variant_id, quantity, decision_id, saved_at)
        SELECT l.tenant_id, l.id, CAST(:customer_id AS uuid), l.variant_id, l.quantity, l.decision_id,
               CAST(:now AS timestamptz)
        FROM cart_line l
        WHERE l.tenant_id = :tenant_id AND l.cart_id = :brought
          AND NOT EXISTS (SELECT FROM cart_line own WHERE own.tenant_id = l.tenant_id AND own.cart_id = :into
                                                      AND own.variant_id = l.variant_id)
        ON CONFLICT (tenant_id, holder_id, variant_id) DO UPDATE
            SET quantity = greatest(s.quantity, excluded.quantity)
        """
    )
)

# What the visitor's cart has beside its lines: its codes come after the customer's own, its note below theirs, and
# where it goes only where the customer had not said so.
MERGE_KEPT = hot(
    text(
        """
        UPDATE cart own SET
            address = coalesce(own.address, brought.address),
            delivery_code = coalesce(own.delivery_code, brought.delivery_code),
            gift = coalesce(own.gift, brought.gift),
            note = coalesce(own.note, brought.note),
            code_ids = own.code_ids || (
            SELECT coalesce(array_agg(b.id ORDER BY b.place), '{}')
            FROM unnest(brought.code_ids) WITH ORDINALITY AS b (id, place)
            WHERE b.id <> ALL(own.code_ids) AND b.place <= :max_codes - cardinality(own.code_ids))
        FROM cart brought
        WHERE own.tenant_id = :tenant_id AND own.id = :into
          AND brought.tenant_id = own.tenant_id AND brought.id = :brought
        RETURNING own.note, brought.note AS brought
        """
    )
)

UNITS = hot(
    text(
        """
        SELECT coalesce(sum(quantity), 0)::bigint AS units FROM cart_line
        WHERE tenant_id = :tenant_id AND cart_id = :cart_id
        """
    )
)

# It stays as a row, because payments that came to nothing may speak of it.
DISCARD = hot(
    text(
        """
        WITH gone AS (DELETE FROM cart_line WHERE tenant_id = :tenant_id AND cart_id = :cart_id)
        UPDATE cart SET status = 'merged' WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)

HAND_OVER = hot(
    text(
        """
        UPDATE cart SET customer_id = :customer_id, visitor_id = :visitor_id
        WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)
