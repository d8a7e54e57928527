/*
about: Every order, as it was placed and as it stands, with the money that has moved for it.
grain: one row an order
key: [day, order_id]
unique: [order_id]
owner: finance
reach: orders
events: [order.placed, order.edited, order.restated, order.cancelled, order.delivered, return.received, payment.captured,
  payment.refunded, payment.refund_failed, payment.disputed, payment.dispute_closed]
time: placed_at
columns:
  day: {type: Date, about: the day it was placed on}
  order_id: {type: UUID, about: the order}
  placed_at: {type: "DateTime64(3, 'UTC')", about: when it was placed}
  customer_id: {type: Nullable(UUID), person: true, about: "who bought: the customer, or the browser of a guest; nobody who was forgotten"}
  is_first_order: {type: UInt8, about: "1 for the first order of its customer, 0 for a later one or of nobody known"}
  channel: {type: LowCardinality(String), about: the sales channel it was placed on}
  currency: {type: LowCardinality(String), about: ISO 4217}
  lines: {type: UInt32, about: how many lines it was placed with}
  units: {type: UInt32, about: units it was placed with}
  gross: {type: Int64, unit: minor, about: "the lines before discounts, as placed"}
  discount: {type: Int64, unit: minor, about: "what discounts took off, as placed"}
  delivery: {type: Int64, unit: minor, about: "for the delivery, as placed"}
  fees: {type: Int64, unit: minor, about: "gift wrap and the like, as placed"}
  tax: {type: Int64, unit: minor, about: "the tax, as placed"}
  tax_included: {type: UInt8, about: "1 when the tax is part of the prices, 0 when it comes on top"}
  total: {type: Int64, unit: minor, about: "what was to be paid as placed: gross - discount + delivery + fees, and the tax unless it is included"}
  edited: {type: Int64, unit: minor, about: "what edits and exchanges have made of the total since, more or less"}
  credited: {type: Int64, unit: minor, about: "what of total + edited is not owed any more: for units given up, or out of goodwill"}
  net: {type: Int64, unit: minor, about: "total + edited - credited: what the order is worth as it stands, with tax and delivery"}
  captured: {type: Int64, unit: minor, about: money that was taken}
  refunded: {type: Int64, unit: minor, about: "money that went back, and has stayed there"}
  disputed: {type: Int64, unit: minor, about: "money that banks took back and have not returned"}
  cancelled_units: {type: UInt32, about: units that were cancelled}
  returned_units: {type: UInt32, about: units that came back}
  is_cancelled: {type: UInt8, about: "1 when nothing of it is left"}
  delivered_at: {type: "Nullable(DateTime64(3, 'UTC'))", about: when its last parcel arrived}
*/
WITH
    placed AS
    (
        SELECT
            toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
            aggregate_id AS order_id,
            occurred_at AS placed_at,
            coalesce(shopper_id, visitor_id) AS customer_id,
            JSONExtract(
                payload,
                'Tuple(currency String, channel String, subtotal Int64, discount Int64, shipping Int64, fees Int64, tax Int64, tax_included Bool, total Int64, lines Array(Tuple(quantity UInt32)))'
            ) AS said
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID} AND name = 'order.placed'
          AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
          AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
    ),
    refunds AS
    (
        SELECT order_id, sum(amount) AS refunded
        FROM
        (
            SELECT
                aggregate_id AS order_id,
                JSONExtractString(payload, 'refund_id') AS refund_id,
                any(JSONExtractInt(payload, 'amount')) AS amount
            FROM events FINAL
            WHERE tenant_id = {tenant_id:UUID} AND name IN ('payment.refunded', 'payment.refund_failed')
              AND aggregate_id IN (SELECT order_id FROM placed)
            GROUP BY order_id, refund_id
            HAVING countIf(name = 'payment.refunded') > 0 AND countIf(name = 'payment.refund_failed') = 0
        )
        GROUP BY order_id
    ),
    disputes AS
    (
        SELECT order_id, sum(amount) AS disputed
        FROM
        (
            SELECT
                aggregate_id AS order_id,
                JSONExtractString(payload, 'dispute_id') AS dispute_id,
                any(JSONExtractInt(payload, 'amount')) AS amount
            FROM events FINAL
            WHERE tenant_id = {tenant_id:UUID} AND name IN ('payment.disputed', 'payment.dispute_closed')
              AND aggregate_id IN (SELECT order_id FROM placed)
            GROUP BY order_id, dispute_id
            HAVING countIf(JSONExtractString(payload, 'outcome') = 'won') = 0
        )
        GROUP BY order_id
    ),
    later AS
    (
        SELECT
            aggregate_id AS order_id,
            countIf(name = 'order.restated') AS restated,
            argMaxIf(
                (JSONExtractInt(payload, 'total'), JSONExtractInt(payload, 'credited')),
                (occurred_at, toString(event_id)),
                name = 'order.restated'
            ) AS stands,
            sumIf(JSONExtractInt(payload, 'difference'), name = 'order.edited') AS differences,
            sumIf(JSONExtractInt(payload, 'amount'), name = 'payment.captured') AS captured,
            sumIf(arraySum(JSONExtract(payload, 'lines', 'Array(Tuple(quantity UInt32))').quantity), name = 'order.cancelled') AS cancelled_units,
            sumIf(arraySum(JSONExtract(payload, 'lines', 'Array(Tuple(quantity UInt32))').quantity), name = 'return.received') AS returned_units,
            maxIf(JSONExtractBool(payload, 'whole'), name = 'order.cancelled') AS is_cancelled,
            maxOrNullIf(occurred_at, name = 'order.delivered') AS delivered_at
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID}
          AND name IN ('order.edited', 'order.restated', 'order.cancelled', 'order.delivered', 'return.received', 'payment.captured')
          AND aggregate_id IN (SELECT order_id FROM placed)
        GROUP BY order_id
    ),
    firsts AS
    (
        SELECT argMin(aggregate_id, (occurred_at, aggregate_id)) AS order_id
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID} AND name = 'order.placed' AND coalesce(shopper_id, visitor_id) IS NOT NULL
        GROUP BY coalesce(shopper_id, visitor_id)
    )
SELECT
    placed.day AS day,
    placed.order_id AS order_id,
    placed.placed_at AS placed_at,
    placed.customer_id AS customer_id,
    placed.order_id IN (SELECT order_id FROM firsts) AS is_first_order,
    if(said.channel = '', 'web', said.channel) AS channel,
    said.currency AS currency,
    length(said.lines) AS lines,
    arraySum(said.lines.quantity) AS units,
    said.subtotal AS gross,
    said.discount AS discount,
    said.shipping AS delivery,
    said.fees AS fees,
    said.tax AS tax,
    said.tax_included AS tax_included,
    said.total AS total,
    if(later.restated > 0, later.stands.1 - said.total, later.differences) AS edited,
    if(later.restated > 0, later.stands.2, refunds.refunded) AS credited,
    said.total + edited - credited AS net,
    later.captured AS captured,
    refunds.refunded AS refunded,
    disputes.disputed AS disputed,
    later.cancelled_units AS cancelled_units,
    later.returned_units AS returned_units,
    later.is_cancelled AS is_cancelled,
    later.delivered_at AS delivered_at
FROM placed
LEFT JOIN later ON later.order_id = placed.order_id
LEFT JOIN refunds ON refunds.order_id = placed.order_id
LEFT JOIN disputes ON disputes.order_id = placed.order_id
