/*
about: A day's orders by what they came to, and the money that moved on the day whatever it was for.
grain: one row a day, currency and channel
key: [day, currency, channel]
owner: finance
reach: orders
events: [payment.captured, payment.refunded, payment.refund_failed]
marts: [orders]
time: day
columns:
  day: {type: Date, about: the day}
  currency: {type: LowCardinality(String), about: ISO 4217}
  channel: {type: LowCardinality(String), about: the sales channel of the orders}
  orders: {type: UInt64, about: orders placed}
  first_orders: {type: UInt64, about: of them the first of their customers}
  cancelled_orders: {type: UInt64, about: of them those of which nothing is left}
  units: {type: UInt64, about: units ordered}
  gross: {type: Int64, unit: minor, about: the lines of the day's orders before discounts}
  discount: {type: Int64, unit: minor, about: what discounts took off them}
  delivery: {type: Int64, unit: minor, about: for their delivery}
  fees: {type: Int64, unit: minor, about: their fees}
  tax: {type: Int64, unit: minor, about: their tax}
  total: {type: Int64, unit: minor, about: what was to be paid for them}
  credited: {type: Int64, unit: minor, about: "what of it is not owed any more, whenever it was given up"}
  net: {type: Int64, unit: minor, about: "what is left of them, whenever it was edited or given back"}
  captured: {type: Int64, unit: minor, about: money taken on the day}
  refunded: {type: Int64, unit: minor, about: "money given back on the day, less what came back of it on the day"}
*/
SELECT
    day,
    currency,
    channel,
    sum(orders) AS orders,
    sum(first_orders) AS first_orders,
    sum(cancelled_orders) AS cancelled_orders,
    sum(units) AS units,
    sum(gross) AS gross,
    sum(discount) AS discount,
    sum(delivery) AS delivery,
    sum(fees) AS fees,
    sum(tax) AS tax,
    sum(total) AS total,
    sum(credited) AS credited,
    sum(net) AS net,
    sum(captured) AS captured,
    sum(refunded) AS refunded
FROM
(
    SELECT
        day,
        currency,
        channel,
        count() AS orders,
        countIf(is_first_order) AS first_orders,
        countIf(is_cancelled) AS cancelled_orders,
        sum(o.units) AS units,
        sum(o.gross) AS gross,
        sum(o.discount) AS discount,
        sum(o.delivery) AS delivery,
        sum(o.fees) AS fees,
        sum(o.tax) AS tax,
        sum(o.total) AS total,
        sum(o.credited) AS credited,
        sum(o.net) AS net,
        0 AS captured,
        0 AS refunded
    FROM mart_orders AS o FINAL
    WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
    GROUP BY day, currency, channel
    UNION ALL
    SELECT
        toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
        JSONExtractString(payload, 'currency') AS currency,
        placed.channel AS channel,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        sumIf(JSONExtractInt(payload, 'amount'), name = 'payment.captured') AS captured,
        sumIf(JSONExtractInt(payload, 'amount'), name = 'payment.refunded')
            - sumIf(JSONExtractInt(payload, 'amount'), name = 'payment.refund_failed') AS refunded
    FROM events FINAL
    LEFT JOIN
    (
        SELECT order_id, channel FROM mart_orders FINAL WHERE tenant_id = {tenant_id:UUID}
    ) AS placed ON placed.order_id = events.aggregate_id
    WHERE tenant_id = {tenant_id:UUID}
      AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
      AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
      AND (
          name IN ('payment.captured', 'payment.refunded')
          OR (name = 'payment.refund_failed' AND JSONExtractString(payload, 'refund_id') IN (
              SELECT JSONExtractString(payload, 'refund_id') FROM events FINAL
              WHERE tenant_id = {tenant_id:UUID} AND name = 'payment.refunded'
                AND aggregate_id IN (
                    SELECT aggregate_id FROM events
                    WHERE tenant_id = {tenant_id:UUID} AND name = 'payment.refund_failed'))))
    GROUP BY day, currency, channel
)
GROUP BY day, currency, channel
