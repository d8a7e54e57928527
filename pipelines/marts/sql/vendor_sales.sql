/*
about: "What each vendor sold, earned and was paid."
grain: "one row a day, vendor and currency"
key: [day, vendor_id, currency]
owner: marketplace
reach: orders
events: [vendor.earned, vendor.paid_out]
marts: [order_lines]
time: day
columns:
  day: {type: Date, about: "the day the order was placed, or the money was earned or paid"}
  vendor_id: {type: UUID, about: "the vendor; of what the shop itself sells, nothing but zeros"}
  currency: {type: LowCardinality(String), about: ISO 4217}
  orders: {type: UInt64, about: orders with something of theirs}
  units: {type: UInt64, about: units ordered}
  gross: {type: Int64, unit: minor, about: their lines before discounts}
  discount: {type: Int64, unit: minor, about: the discounts on them}
  total: {type: Int64, unit: minor, about: gross - discount}
  earned: {type: Int64, unit: minor, about: "what they earned that day, less what was taken back"}
  commission: {type: Int64, unit: minor, about: what the shop kept of it}
  paid_out: {type: Int64, unit: minor, about: what they were paid that day}
*/
SELECT
    day,
    vendor_id,
    currency,
    sum(orders) AS orders,
    sum(units) AS units,
    sum(gross) AS gross,
    sum(discount) AS discount,
    sum(total) AS total,
    sum(earned) AS earned,
    sum(commission) AS commission,
    sum(paid_out) AS paid_out
FROM
(
    SELECT
        day,
        ifNull(l.vendor_id, toUUID('00000000-0000-0000-0000-000000000000')) AS vendor_id,
        currency,
        uniqExact(order_id) AS orders,
        sum(l.units) AS units,
        sum(l.gross) AS gross,
        sum(l.discount) AS discount,
        sum(l.total) AS total,
        0 AS earned,
        0 AS commission,
        0 AS paid_out
    FROM mart_order_lines AS l FINAL
    WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
    GROUP BY day, vendor_id, currency
    UNION ALL
    SELECT
        toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
        aggregate_id AS vendor_id,
        JSONExtractString(payload, 'currency') AS currency,
        0, 0, 0, 0, 0,
        sumIf(JSONExtractInt(payload, 'earned'), name = 'vendor.earned'),
        sumIf(JSONExtractInt(payload, 'commission'), name = 'vendor.earned'),
        sumIf(JSONExtractInt(payload, 'amount'), name = 'vendor.paid_out')
    FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID} AND name IN ('vendor.earned', 'vendor.paid_out')
      AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
      AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
    GROUP BY day, vendor_id, currency
)
GROUP BY day, vendor_id, currency
