"""What must hold of a shop's stock, money and orders after anything that has happened to them."""

from __future__ import annotations

from sqlalchemy import text

from commerce.inventory import keeping
from commerce.orders.held import derived, hold
from foundation.database import Database, Tx, hot
from tests.factories import SeededShop

_WRONG = {
    "a posting without its other side": """
        SELECT transaction_id FROM ledger_posting WHERE tenant_id = :tenant_id
        GROUP BY transaction_id, currency HAVING sum(amount) <> 0""",
    "a payment that gives back something else than its refunds": """
        SELECT p.id FROM payment p WHERE p.tenant_id = :tenant_id AND p.refunded <> (
            SELECT coalesce(sum(r.amount), 0) FROM refund r
            WHERE r.payment_id = p.id AND r.status IN ('started', 'succeeded'))""",
    "an order with more refunded than captured": """
        SELECT o.id FROM orders o WHERE o.tenant_id = :tenant_id
          AND (SELECT coalesce(sum(amount), 0) FROM refund r WHERE r.order_id = o.id AND r.status = 'succeeded')
            > (SELECT coalesce(sum(amount - spared), 0) FROM payment p
               WHERE p.order_id = o.id AND p.status = 'captured')""",
    "an order with more on its way back than is credited, or was saved by another address": """
        SELECT o.id FROM orders o JOIN payment p ON p.order_id = o.id WHERE o.tenant_id = :tenant_id
        GROUP BY o.id, o.credited HAVING sum(p.refunded + p.spared) > o.credited - (
            SELECT coalesce(sum(least(c.retaxed, 0)), 0) FROM order_change c
            WHERE c.order_id = o.id AND c.status = 'confirmed')""",
    "books that say something else than the payments": """
        SELECT account FROM (
            SELECT account, sum(amount) AS amount FROM ledger_posting WHERE tenant_id = :tenant_id GROUP BY account
            UNION ALL SELECT 'sales', sum(amount - spared) FROM payment
                      WHERE tenant_id = :tenant_id AND status = 'captured'
            UNION ALL SELECT 'refunds', -sum(amount) FROM refund
                      WHERE tenant_id = :tenant_id AND status = 'succeeded'
            UNION ALL SELECT CASE status WHEN 'lost' THEN 'chargebacks' ELSE 'disputes' END, -sum(amount) FROM dispute
                      WHERE tenant_id = :tenant_id AND status <> 'won' GROUP BY status) said
        WHERE account IN ('sales', 'refunds', 'disputes', 'chargebacks')
        GROUP BY account HAVING sum(amount) <> 0""",
    "a payment of which something else is disputed than its disputes": """
        SELECT p.id FROM payment p WHERE p.tenant_id = :tenant_id AND p.disputed <> (
            SELECT coalesce(sum(d.kept), 0) FROM dispute d WHERE d.payment_id = p.id AND d.status <> 'won')""",
    "a line of a provider's report that is not in the books once": """
        SELECT l.id FROM settlement_line l WHERE l.tenant_id = :tenant_id AND l.amount <> l.fee AND 1 <> (
            SELECT count(*) FROM ledger_posting p WHERE p.tenant_id = l.tenant_id AND p.account = 'bank'
              AND p.reference_id = coalesce(l.subject_id, l.id) AND p.amount = l.amount - l.fee)""",
    "a change that was paid for and not applied, or applied and not paid for once": """
        SELECT c.id FROM order_change c WHERE c.tenant_id = :tenant_id AND c.asked > 0
          AND CASE WHEN c.status = 'confirmed' THEN 1 ELSE 0 END <> (
              SELECT count(DISTINCT a.id) FROM payment_attempt a JOIN payment p ON p.attempt_id = a.id
              WHERE a.order_id = c.order_id AND p.order_id IS NOT NULL AND a.checked = '{"change_id": "' || c.id || '"}')""",
    "a movement of money at the test bank that is reported never, twice or otherwise": """
        SELECT p.id FROM test_bank_payment p WHERE p.tenant_id = :tenant_id AND p.card NOT LIKE 'tok_report%'
          AND CASE p.status WHEN 'captured' THEN p.amount ELSE 0 END <> (
              SELECT coalesce(sum(t.amount), 0) FROM test_bank_transaction t
              WHERE t.kind = 'capture' AND t.payment_id = p.id)
        UNION ALL
        SELECT r.id FROM test_bank_refund r WHERE r.tenant_id = :tenant_id
          AND CASE r.status WHEN 'failed' THEN 0 ELSE -r.amount END <> (
              SELECT coalesce(sum(t.amount), 0) FROM test_bank_transaction t WHERE t.refund_id = r.id)""",
    "an instrument that was kept without its owner's word, or the word without the instrument": """
        SELECT s.id FROM payment_method_setup s
        WHERE s.tenant_id = :tenant_id AND (s.status = 'kept') <> (s.method_id IS NOT NULL)""",
    "an order whose lines and shipping are not its total": """
        SELECT o.id FROM orders o WHERE o.tenant_id = :tenant_id AND (
            o.total <> o.shipping + o.fees + CASE WHEN o.tax_included THEN 0 ELSE o.tax END + (
                SELECT sum(l.total) FROM order_line l WHERE l.order_id = o.id)
            OR o.fees <> (SELECT coalesce(sum((f->>'amount')::bigint), 0) FROM jsonb_array_elements(o.fee_lines) f)
            OR o.tax <> o.shipping_tax + o.fees_tax + (SELECT sum(l.tax) FROM order_line l WHERE l.order_id = o.id))""",
    "an order that is not its consignments": """
        SELECT o.id FROM orders o
        JOIN (SELECT order_id, sum(shipping) AS shipping, sum(shipping_tax) AS shipping_tax, sum(tax) AS tax,
                     sum(shipping_charged) AS charged, sum(shipping_credited) AS credited
              FROM order_consignment WHERE tenant_id = :tenant_id GROUP BY order_id) c ON c.order_id = o.id
        WHERE o.tenant_id = :tenant_id AND (
            (o.shipping, o.shipping_tax, o.tax, o.shipping_credited) <> (c.shipping, c.shipping_tax, c.tax, c.credited)
            OR c.charged <> o.shipping + CASE WHEN o.tax_included THEN 0 ELSE o.shipping_tax END)""",
    "a consignment whose tax is not that of its lines, its delivery and its fees": """
        SELECT c.id FROM order_consignment c JOIN orders o ON o.id = c.order_id
        WHERE c.tenant_id = :tenant_id
          AND c.tax <> c.shipping_tax + CASE WHEN c.number = 1 THEN o.fees_tax ELSE 0 END + (
              SELECT coalesce(sum(l.tax), 0) FROM order_line l WHERE l.consignment_id = c.id)""",
    "an order whose taxes are not the tax": """
        SELECT o.id FROM orders o WHERE o.tenant_id = :tenant_id AND o.tax <> (
            SELECT coalesce(sum((t->>'amount')::bigint), 0) FROM jsonb_array_elements(o.taxes) t)
        UNION ALL
        SELECT c.id FROM order_consignment c WHERE c.tenant_id = :tenant_id AND c.tax <> (
            SELECT coalesce(sum((t->>'amount')::bigint), 0) FROM jsonb_array_elements(c.taxes) t)""",
    "an order with more of its delivery credited than is credited": """
        SELECT id FROM orders WHERE tenant_id = :tenant_id AND shipping_credited > credited""",
    "a parcel to another address than its units'": """
        SELECT f.id FROM fulfilment f JOIN fulfilment_line u ON u.fulfilment_id = f.id
        JOIN order_line l ON l.id = u.order_line_id
        WHERE f.tenant_id = :tenant_id AND l.consignment_id <> f.consignment_id""",
    "a window with more or fewer orders than took it": """
        SELECT d.id FROM delivery_day d WHERE d.tenant_id = :tenant_id AND d.taken <> (
            SELECT count(*) FROM delivery_booking b
            WHERE b.slot_id = d.slot_id AND b.day = d.day AND b.released_at IS NULL)
        UNION ALL
        SELECT b.id FROM delivery_booking b WHERE b.tenant_id = :tenant_id AND NOT EXISTS (
            SELECT FROM delivery_day d WHERE d.slot_id = b.slot_id AND d.day = b.day)""",
    "a cancelled order that keeps its window": """
        SELECT b.id FROM delivery_booking b JOIN orders o ON o.id = b.order_id
        WHERE b.tenant_id = :tenant_id AND b.released_at IS NULL AND o.fulfilment_state = 'cancelled'""",
    "an attempt with a payment too many, or one of which a part is decided and a part is not": """
        SELECT p.attempt_id FROM payment p WHERE p.tenant_id = :tenant_id GROUP BY p.attempt_id
        HAVING count(DISTINCT p.order_id) > 1 OR (bool_or(p.order_id IS NOT NULL) AND bool_or(p.order_id IS NULL))
            OR count(DISTINCT p.order_id IS NULL AND p.status IN ('started', 'action_required', 'authorised')) > 1""",
    "stock held for an attempt that is over, or a cart that is being paid by nobody": """
        SELECT r.id FROM reservation r WHERE r.tenant_id = :tenant_id AND r.status = 'held'
          AND NOT EXISTS (SELECT FROM order_change c WHERE c.id = r.holder_id)
          AND NOT EXISTS (
            SELECT FROM payment p WHERE p.attempt_id = r.holder_id AND p.order_id IS NULL
               AND p.status IN ('started', 'action_required', 'authorised'))
        UNION ALL
        SELECT c.id FROM cart c WHERE c.tenant_id = :tenant_id AND (c.status = 'completing') <> EXISTS (
            SELECT FROM payment p JOIN payment_attempt a ON a.id = p.attempt_id
            WHERE p.cart_id = c.id AND a.order_id IS NULL AND p.order_id IS NULL
              AND p.status IN ('started', 'action_required', 'authorised'))""",
    "an order that was charged something else than its total when it was placed, and what its changes asked for": """
        SELECT o.id FROM orders o WHERE o.tenant_id = :tenant_id
          AND (SELECT sum(CASE WHEN p.status = 'replaced' THEN p.spared ELSE p.amount END) FROM payment p
               WHERE p.order_id = o.id)
            <> o.total
             - (SELECT coalesce(sum((a.data->'price'->>'amount')::bigint * a.quantity
                                    + CASE WHEN o.tax_included THEN 0 ELSE (
                                          SELECT coalesce(sum((t->>'amount')::bigint), 0)
                                          FROM jsonb_array_elements(a.data->'taxes') t) END), 0)
                FROM order_change c JOIN order_change_action a ON a.change_id = c.id AND a.kind = 'add'
                WHERE c.order_id = o.id AND c.status = 'confirmed')
             + (SELECT coalesce(sum(c.asked - c.retaxed), 0) FROM order_change c
                WHERE c.order_id = o.id AND c.status = 'confirmed')""",
    "a line that a change added which was not confirmed": """
        SELECT l.id FROM order_line l JOIN order_change c ON c.id = l.change_id
        WHERE l.tenant_id = :tenant_id AND c.status <> 'confirmed'""",
    "stock held for a change that nobody waits for": """
        SELECT r.id FROM reservation r JOIN order_change c ON c.id = r.holder_id
        WHERE r.tenant_id = :tenant_id AND r.status = 'held' AND c.status NOT IN ('approved', 'awaiting_payment')""",
    "a gift card that was sold and is not its line's": """
        SELECT s.id FROM sold_gift_card s JOIN stored_value v ON v.id = s.value_id
        JOIN order_line l ON l.id = s.order_line_id
        WHERE s.tenant_id = :tenant_id AND (l.order_id <> s.order_id OR v.funded_by <> 'gift_cards_sold'
          OR v.issued <> CASE WHEN l.unit_price > 0 THEN l.unit_price
                              ELSE (l.explanation->'price'->>'list_price')::bigint END)
        UNION ALL
        SELECT l.id FROM order_line l WHERE l.tenant_id = :tenant_id
          AND l.fulfilled < (SELECT count(*) FROM sold_gift_card s WHERE s.order_line_id = l.id)""",
    "a gift card given back that is good still": """
        SELECT l.id FROM order_line l JOIN sold_gift_card s ON s.order_line_id = l.id
        JOIN stored_value v ON v.id = s.value_id
        WHERE l.tenant_id = :tenant_id GROUP BY l.id, l.returned, l.compensated
        HAVING count(*) FILTER (WHERE v.withdrawn = v.issued) < l.returned + l.compensated""",
    "a line of which something else is claimed than its claims": """
        SELECT l.id FROM order_line l WHERE l.tenant_id = :tenant_id AND (l.claimed, l.compensated) <> (
            SELECT coalesce(sum(u.quantity) FILTER (WHERE m.status <> 'rejected'), 0),
                   least(l.compensated, coalesce(sum(u.quantity) FILTER (WHERE m.status = 'refunded'), 0))
            FROM order_claim_line u JOIN order_claim m ON m.id = u.claim_id WHERE u.order_line_id = l.id)""",
    "a claim that gave back more than its units were worth": """
        SELECT m.id FROM order_claim m JOIN orders o ON o.id = m.order_id
        WHERE m.tenant_id = :tenant_id AND m.refunded > o.fees + o.fees_tax + (
            SELECT sum(ceil((l.total + CASE WHEN o.tax_included THEN 0 ELSE l.tax END)::numeric * u.quantity
                            / l.quantity))
            FROM order_claim_line u JOIN order_line l ON l.id = u.order_line_id WHERE u.claim_id = m.id)""",
    "a replacement that costs something": """
        SELECT l.id FROM order_line l JOIN order_claim m ON m.change_id = l.change_id
        WHERE l.tenant_id = :tenant_id AND (l.unit_price, l.total, l.tax) <> (0, 0, 0)""",
    "an allocation that is not what was ordered, sent and cancelled": """
        WITH ordered AS (
            SELECT l.order_id, n.variant_id, sum(l.quantity * n.quantity) AS units, sum(l.fulfilled * n.quantity) AS sent,
                   sum(l.cancelled * n.quantity) AS cancelled
            FROM order_line l CROSS JOIN LATERAL (
                SELECT l.variant_id, 1 AS quantity WHERE l.components IS NULL
                UNION ALL SELECT c.variant_id, c.quantity
                FROM jsonb_to_recordset(coalesce(l.components, '[]')) AS c (variant_id uuid, quantity bigint)) n
            WHERE l.tenant_id = :tenant_id GROUP BY l.order_id, n.variant_id),
        allocated AS (
            SELECT r.order_id, s.variant_id, r.quantity AS units, r.sold AS sent, r.released AS cancelled
            FROM reservation r JOIN stock s ON s.id = r.stock_id
            WHERE r.tenant_id = :tenant_id AND r.order_id IS NOT NULL
            UNION ALL SELECT order_id, variant_id, quantity - allocated, 0, released
            FROM promise WHERE tenant_id = :tenant_id AND order_id IS NOT NULL),
        summed AS (
            SELECT order_id, variant_id, sum(units) AS units, sum(sent) AS sent, sum(cancelled) AS cancelled
            FROM allocated GROUP BY order_id, variant_id)
        (SELECT * FROM ordered EXCEPT SELECT * FROM summed)
        UNION ALL (SELECT * FROM summed EXCEPT SELECT * FROM ordered)""",
    "promises that are not counted": """
        SELECT coalesce(y.variant_id, p.variant_id) FROM (
            SELECT variant_id, sum(quantity - allocated - released) AS open FROM promise
            WHERE tenant_id = :tenant_id GROUP BY variant_id) p
        FULL JOIN (SELECT * FROM stock_policy WHERE tenant_id = :tenant_id) y ON y.variant_id = p.variant_id
        WHERE coalesce(p.open, 0) <> coalesce(y.promised, 0)""",
    "a balance that does not keep back what it should": """
        SELECT s.id FROM stock s JOIN warehouse w ON w.id = s.warehouse_id
        LEFT JOIN stock_policy y ON y.variant_id = s.variant_id
        WHERE s.tenant_id = :tenant_id
          AND s.kept_back <> CASE WHEN w.active THEN coalesce(y.safety_stock, 0) ELSE 1000000000000000 END""",
    "units that were sent and are neither there, lost nor on their way": """
        SELECT t.id FROM stock_transfer t
        CROSS JOIN LATERAL (SELECT sum(quantity) AS sent, sum(received + lost) AS arrived, sum(lost) AS lost
                            FROM stock_transfer_part p WHERE p.transfer_id = t.id) p
        CROSS JOIN LATERAL (SELECT coalesce(sum(quantity) FILTER (WHERE kind = 'transfer_out'), 0) AS sent,
                                   coalesce(sum(quantity) FILTER (WHERE kind = 'transfer_in'), 0) AS arrived,
                                   coalesce(sum(quantity) FILTER (WHERE kind = 'write_off'), 0) AS lost
                            FROM stock_movement m WHERE m.reference_id = t.id) m
        WHERE t.tenant_id = :tenant_id AND (p.sent, p.arrived, p.lost) IS DISTINCT FROM (m.sent, m.arrived, m.lost)""",
    "money that is declared otherwise than the ledger says, or tax that is more than its order's": """
        SELECT e.order_id FROM tax_entry e WHERE e.tenant_id = :tenant_id
        GROUP BY e.order_id, e.posting_id
        HAVING sum(e.taxable + e.tax) <> -(SELECT x.amount FROM ledger_posting x WHERE x.id = e.posting_id)""",
    "a parcel that holds what left another warehouse than it did": """
        SELECT f.id FROM fulfilment f JOIN stock_movement m ON m.reference_id = f.id AND m.kind = 'sell'
        JOIN stock s ON s.id = m.stock_id
        WHERE f.tenant_id = :tenant_id AND f.warehouse_id IS DISTINCT FROM s.warehouse_id
          AND (f.warehouse_id IS NOT NULL
               OR 1 = (SELECT count(DISTINCT o.warehouse_id) FROM stock_movement n JOIN stock o ON o.id = n.stock_id
                       WHERE n.reference_id = f.id AND n.kind = 'sell'))""",
    "a balance or a lot that received something else than is available, reserved, sold and written off": """
        SELECT id FROM stock WHERE tenant_id = :tenant_id AND received <> available + reserved + sold + written_off
        UNION ALL
        SELECT id FROM stock_lot WHERE tenant_id = :tenant_id AND received <> available + reserved + sold + written_off""",
    "a variant of which something else came in than is in its warehouses and on its way between them": """
        SELECT s.variant_id FROM stock s WHERE s.tenant_id = :tenant_id GROUP BY s.variant_id
        HAVING sum(s.available + s.reserved + s.sold + s.written_off)
            + (SELECT coalesce(sum(p.quantity - p.received - p.lost), 0) FROM stock_transfer_part p
               JOIN stock_transfer t ON t.id = p.transfer_id WHERE t.variant_id = s.variant_id)
            <> (SELECT coalesce(sum(m.quantity), 0) FROM stock_movement m JOIN stock o ON o.id = m.stock_id
                WHERE o.variant_id = s.variant_id AND m.kind IN ('receive', 'take_back'))""",
    "lots that are more than their balance": """
        SELECT s.id FROM stock s JOIN stock_lot l ON l.stock_id = s.id WHERE s.tenant_id = :tenant_id
        GROUP BY s.id, s.received, s.available, s.reserved, s.sold, s.written_off, s.lotted
        HAVING sum(l.received) > s.received OR sum(l.available) > s.available OR sum(l.reserved) > s.reserved
            OR sum(l.sold) > s.sold OR sum(l.written_off) > s.written_off OR NOT s.lotted""",
    "a lot that is not what its movements add up to": """
        SELECT l.id FROM stock_lot l LEFT JOIN stock_movement m ON m.lot_id = l.id WHERE l.tenant_id = :tenant_id
        GROUP BY l.id, l.available, l.reserved, l.sold, l.written_off
        HAVING (l.available, l.reserved, l.sold, l.written_off) IS DISTINCT FROM (
            coalesce(sum(m.quantity * CASE WHEN m.kind IN ('receive', 'transfer_in', 'take_back', 'release') THEN 1
                                           WHEN m.kind IN ('reserve', 'write_off', 'transfer_out') THEN -1
                                           ELSE 0 END), 0),
            coalesce(sum(m.quantity * CASE m.kind WHEN 'reserve' THEN 1 WHEN 'release' THEN -1
                                                  WHEN 'sell' THEN -1 ELSE 0 END), 0),
            coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'sell'), 0),
            coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'write_off'), 0))""",
    "a lot that got more back of an order than left in it": """
        SELECT min(l.id::text) FROM stock_movement m JOIN stock_lot l ON l.id = m.lot_id
        JOIN stock s ON s.id = m.stock_id
        LEFT JOIN fulfilment f ON f.id = m.reference_id AND m.kind = 'sell'
        LEFT JOIN order_return b ON b.id = m.reference_id AND m.kind = 'take_back'
        WHERE m.tenant_id = :tenant_id AND coalesce(f.order_id, b.order_id) IS NOT NULL
        GROUP BY coalesce(f.order_id, b.order_id), s.variant_id, l.code
        HAVING sum(m.quantity * CASE m.kind WHEN 'sell' THEN 1 ELSE -1 END) < 0""",
    "a lot that holds something else than is reserved of it": """
        SELECT l.id FROM stock_lot l WHERE l.tenant_id = :tenant_id AND l.reserved <> (
            SELECT coalesce(sum(r.quantity - r.sold - r.released), 0) FROM reservation r WHERE r.lot_id = l.id)""",
    "units that can be had though somebody waits for them": """
        SELECT s.id FROM stock s WHERE s.tenant_id = :tenant_id AND s.available > s.kept_back AND EXISTS (
            SELECT FROM promise p WHERE p.variant_id = s.variant_id AND p.allocated + p.released < p.quantity)""",
    "reserved stock that nobody has reserved": """
        SELECT s.id FROM stock s WHERE s.tenant_id = :tenant_id AND s.reserved <> (
            SELECT coalesce(sum(r.quantity - r.sold - r.released), 0) FROM reservation r WHERE r.stock_id = s.id)""",
    "a code used more or less often than orders used it": """
        SELECT d.id FROM discount_code d WHERE d.tenant_id = :tenant_id AND d.used <> (
            SELECT count(*) FROM discount_redemption r WHERE r.code_id = d.id AND r.released_at IS NULL)""",
    "a code kept by an order that is cancelled, or given back by one that is not": """
        SELECT r.id FROM discount_redemption r JOIN orders o ON o.id = r.order_id
        WHERE r.tenant_id = :tenant_id AND (o.fulfilment_state = 'cancelled') <> (r.released_at IS NOT NULL)""",
    "an order whose discounts or taxes are not explained to the last minor unit": """
        SELECT l.id FROM order_line l WHERE l.tenant_id = :tenant_id AND l.explanation->'price' <> 'null' AND (
            l.discount <> (SELECT coalesce(sum((d->>'amount')::bigint), 0)
                           FROM jsonb_array_elements(l.explanation->'discounts') d)
            OR l.tax <> (SELECT coalesce(sum((t->>'amount')::bigint), 0)
                         FROM jsonb_array_elements(l.explanation->'taxes') t)
            OR l.unit_price <> (l.explanation->'price'->>'amount')::bigint)
        UNION ALL
        SELECT o.id FROM orders o WHERE o.tenant_id = :tenant_id AND o.discount <> (
            SELECT coalesce(sum((d->>'amount')::bigint), 0) FROM jsonb_array_elements(o.discounts) d)""",
    "a vendor whose books say something else than the vendor's orders": """
        SELECT account FROM (
            SELECT account, amount FROM ledger_posting WHERE tenant_id = :tenant_id
            UNION ALL SELECT 'vendor:' || vendor_id, earned - paid_out FROM vendor_order WHERE tenant_id = :tenant_id
            UNION ALL SELECT 'commission', commission FROM vendor_order WHERE tenant_id = :tenant_id) said
        WHERE account LIKE 'vendor:%' OR account = 'commission' GROUP BY account HAVING sum(amount) <> 0""",
    "a vendor order that divides something else than what was paid for its lines and is kept": """
        SELECT v.id FROM vendor_order v JOIN orders o ON o.id = v.order_id
        JOIN order_line l ON l.order_id = v.order_id AND l.vendor_id = v.vendor_id
        WHERE v.tenant_id = :tenant_id AND o.payment_state IN ('paid', 'partially_refunded', 'refunded')
        GROUP BY v.id, v.earned, v.commission
        HAVING v.earned + v.commission <> sum(
            l.total + CASE WHEN o.tax_included THEN 0 ELSE l.tax END
            - round((l.total + CASE WHEN o.tax_included THEN 0 ELSE l.tax END) * l.credited::numeric / l.quantity))
           AND bool_and(l.credited IN (0, l.quantity))""",
    "a line whose units in parcels or returns are not counted on it": """
        SELECT l.id FROM order_line l WHERE l.tenant_id = :tenant_id AND (
            l.fulfilled <> (SELECT coalesce(sum(quantity), 0) FROM fulfilment_line f WHERE f.order_line_id = l.id)
            OR l.in_return <> (SELECT coalesce(sum(u.quantity), 0) FROM order_return_line u
                               JOIN order_return r ON r.id = u.return_id
                               WHERE u.order_line_id = l.id AND r.status IN ('requested', 'approved'))
            OR l.returned <> (SELECT coalesce(sum(u.received), 0) FROM order_return_line u
                              WHERE u.order_line_id = l.id))""",
    "a card or grant that is not what its movements add up to": """
        SELECT v.id FROM stored_value v CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE kind = 'issued'), 0) AS issued,
                   coalesce(sum(amount) FILTER (WHERE kind = 'held'), 0) AS held,
                   coalesce(sum(amount) FILTER (WHERE kind = 'released'), 0) AS released,
                   coalesce(sum(amount) FILTER (WHERE kind = 'spent'), 0) AS spent,
                   coalesce(sum(amount) FILTER (WHERE kind = 'refunded'), 0) AS refunded,
                   coalesce(sum(amount) FILTER (WHERE kind = 'expired'), 0) AS expired,
                   coalesce(sum(amount) FILTER (WHERE kind = 'withdrawn'), 0) AS withdrawn
            FROM stored_value_entry e WHERE e.value_id = v.id) e
        WHERE v.tenant_id = :tenant_id
          AND (v.issued, v.held, v.spent, v.expired, v.withdrawn) <> (
               e.issued, e.held - e.released - e.spent, e.spent - e.refunded, e.expired, e.withdrawn)""",
    "a payment by card or credit whose parts are not its amount": """
        SELECT p.id FROM stored_value_payment p WHERE p.tenant_id = :tenant_id AND p.status <> 'released'
          AND (p.amount, p.refunded) <> (SELECT coalesce(sum(amount), 0), coalesce(sum(refunded), 0)
                                         FROM stored_value_part s WHERE s.payment_id = p.id)""",
    "an order whose papers do not add up to it": """
        SELECT o.id FROM orders o WHERE o.tenant_id = :tenant_id
          AND EXISTS (SELECT FROM document d WHERE d.order_id = o.id)
          AND (o.total, o.credited) <> (
               SELECT coalesce(sum(CASE d.kind WHEN 'invoice' THEN d.total ELSE -d.total END)
                               FILTER (WHERE d.kind = 'invoice' OR coalesce((d.data->>'takes_back')::boolean, false)), 0),
                      coalesce(sum(d.total) FILTER (WHERE d.kind = 'credit_note'
                                                    AND NOT coalesce((d.data->>'takes_back')::boolean, false)), 0)
               FROM document d WHERE d.order_id = o.id)""",
    "numbers of papers with a gap": """
        SELECT kind FROM document WHERE tenant_id = :tenant_id GROUP BY kind, year
        HAVING min(sequence) <> 1 OR max(sequence) <> count(*)""",
    "a paid order without an invoice, where its shop invoices what is paid": """
        SELECT o.id FROM orders o JOIN document_issuer i ON i.tenant_id = o.tenant_id AND i.invoice_on = 'captured'
        WHERE o.tenant_id = :tenant_id AND o.total > 0
          AND o.payment_state IN ('paid', 'partially_refunded', 'refunded')
          AND EXISTS (SELECT FROM payment p WHERE p.order_id = o.id AND p.status = 'captured')
          AND NOT EXISTS (SELECT FROM document d WHERE d.order_id = o.id AND d.kind = 'invoice')""",
    "books that owe the holders of cards and credit something else than their balances": """
        SELECT currency FROM (
            SELECT currency, kind, available + held AS amount FROM stored_value WHERE tenant_id = :tenant_id
            UNION ALL SELECT currency, CASE account WHEN 'gift_cards' THEN 'gift_card' ELSE account END, amount
                      FROM ledger_posting
                      WHERE tenant_id = :tenant_id AND account IN ('gift_cards', 'store_credit')) said
        GROUP BY currency, kind HAVING sum(amount) <> 0""",
}
_STATEMENTS = {what: hot(text(statement)) for what, statement in _WRONG.items()}
_FACTS = hot(
    text(
        """
        SELECT 'order.placed' AS name, count(*) AS times FROM orders WHERE tenant_id = :tenant_id
        UNION ALL SELECT 'payment.captured', count(*) FROM payment
                  WHERE tenant_id = :tenant_id AND status = 'captured'
        UNION ALL SELECT 'payment.refunded', count(*) FROM refund
                  WHERE tenant_id = :tenant_id AND provider_reference IS NOT NULL
        UNION ALL SELECT 'payment.refund_failed', count(*) FROM refund
                  WHERE tenant_id = :tenant_id AND status = 'failed'
        UNION ALL SELECT 'payment.capture_failed', count(*) FROM order_entry
                  WHERE tenant_id = :tenant_id AND kind = 'capture_failed'
        UNION ALL SELECT 'payment.disputed', count(*) FROM dispute WHERE tenant_id = :tenant_id
        UNION ALL SELECT 'payment.dispute_closed', count(*) FROM dispute
                  WHERE tenant_id = :tenant_id AND closed_at IS NOT NULL
        UNION ALL SELECT 'payment.refused', count(*) FROM payment
                  WHERE tenant_id = :tenant_id AND status = 'refused'
        UNION ALL SELECT 'order.cancelled', count(*) FROM order_entry
                  WHERE tenant_id = :tenant_id AND kind = 'cancelled'
        UNION ALL SELECT 'order.edited', count(*) FROM order_change
                  WHERE tenant_id = :tenant_id AND kind = 'edit' AND status = 'confirmed'
        UNION ALL SELECT 'exchange.requested', count(*) FROM order_change
                  WHERE tenant_id = :tenant_id AND kind = 'exchange'
        UNION ALL SELECT 'exchange.completed', count(*) FROM order_change
                  WHERE tenant_id = :tenant_id AND kind = 'exchange' AND status = 'confirmed'
        UNION ALL SELECT 'order.fulfilled', count(*) FROM fulfilment WHERE tenant_id = :tenant_id
        UNION ALL SELECT 'order.delivered', count(*) FROM fulfilment
                  WHERE tenant_id = :tenant_id AND status = 'delivered'
        UNION ALL SELECT 'return.requested', count(*) FROM order_return WHERE tenant_id = :tenant_id
        UNION ALL SELECT 'return.received', count(*) FROM order_return
                  WHERE tenant_id = :tenant_id AND status = 'received'
        UNION ALL SELECT 'claim.raised', count(*) FROM order_claim WHERE tenant_id = :tenant_id
        UNION ALL SELECT 'claim.resolved', count(*) FROM order_claim
                  WHERE tenant_id = :tenant_id AND status <> 'open'
        UNION ALL SELECT 'gift_card.delivered', count(*) FROM sold_gift_card WHERE tenant_id = :tenant_id
        UNION ALL SELECT 'stored_value.moved', count(*) FROM stored_value_entry
                  WHERE tenant_id = :tenant_id AND kind IN ('issued', 'spent', 'refunded', 'expired', 'withdrawn')
        UNION ALL SELECT 'document.issued', count(*) FROM document WHERE tenant_id = :tenant_id
        """
    )
)
_TOLD = hot(text("SELECT name, count(*) AS times FROM outbox WHERE tenant_id = :tenant_id GROUP BY name"))
_MISTOLD = hot(
    text(
        """
        SELECT o.id FROM orders o CROSS JOIN LATERAL (
            SELECT x.payload FROM outbox x
            WHERE x.tenant_id = o.tenant_id AND x.aggregate_id = o.id AND x.name IN ('order.placed', 'order.restated')
            ORDER BY x.seq DESC LIMIT 1) told
        WHERE o.tenant_id = :tenant_id AND (o.total, o.credited)
            <> ((told.payload ->> 'total')::bigint, coalesce((told.payload ->> 'credited')::bigint, 0))
        """
    )
)
_ORDERS = hot(text("SELECT id, status FROM orders WHERE tenant_id = :tenant_id"))
_OWED = hot(
    text(
        """
        SELECT o.id FROM orders o WHERE o.tenant_id = :tenant_id AND (
            (SELECT least(coalesce(sum(amount - spared - disputed) FILTER (WHERE status = 'captured'), 0), greatest(
                coalesce(sum(amount - spared) FILTER (WHERE status IN ('captured', 'due', 'capture_failed')), 0)
                - (o.total - o.credited)
                - (SELECT coalesce(sum(c.kept_back), 0) FROM order_change c WHERE c.order_id = o.id), 0))
             FROM payment p WHERE p.order_id = o.id)
                <> (SELECT coalesce(sum(amount), 0) FROM refund r WHERE r.order_id = o.id AND r.status = 'succeeded')
            OR EXISTS (SELECT FROM payment p WHERE p.order_id = o.id
                       AND p.status NOT IN ('captured', 'due', 'capture_failed', 'replaced', 'voided', 'refused', 'cancelled')))
        """
    )
)


async def facts(tx: Tx) -> dict[str, int]:
    """How often each kind of fact has come about, by the name of the event that tells of it."""
    return {row["name"]: row["times"] for row in await tx.rows(_FACTS)}


async def faults(tx: Tx) -> list[str]:
    """What does not hold, in words; nothing, unless there is a bug. The outbox has to hold every event still."""
    told = {row["name"]: row["times"] for row in await tx.rows(_TOLD)}
    untold = [name for name, times in (await facts(tx)).items() if times != told.get(name, 0)]
    mistold = ["what is owed for an order was told otherwise"] if await tx.rows(_MISTOLD) else []
    return [*(f"{name} was not told once a fact" for name in untold), *mistold, *await faults_of_rows(tx)]


async def faults_of_rows(tx: Tx) -> list[str]:
    """`faults` of the rows alone, wherever the events have gone."""
    found = [what for what, statement in _STATEMENTS.items() if await tx.rows(statement)]
    if await keeping.discrepancies(tx):
        found.append("a balance that is not what its movements add up to")
    for row in await tx.rows(_ORDERS):
        held = await hold(tx, row["id"])
        if await derived(held) != held.states or held.states.status != row["status"]:
            found.append("an order whose states do not follow from the facts")
    return found


async def unsettled(tx: Tx) -> list[object]:
    """Orders with money still to be taken, let go or given back."""
    return [row["id"] for row in await tx.rows(_OWED)]


async def all_faults(database: Database, shop: SeededShop) -> list[str]:
    """`faults` of a shop."""
    async with database.tx(shop.id) as tx:
        return await faults(tx)
