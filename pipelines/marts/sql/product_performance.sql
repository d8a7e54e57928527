/*
about: How each product did on each day, by how often it was shown, chosen, looked at, put into a cart and ordered; bots do not count.
grain: one row a day, product and currency
key: [day, product_id, currency]
owner: merchandising
reach: orders
events: [view_item_list, select_item, view_item, add_to_cart]
marts: [order_lines]
time: day
columns:
  day: {type: Date, about: "the day it was seen, or the order was placed"}
  product_id: {type: UUID, about: the product}
  currency: {type: LowCardinality(String), about: "ISO 4217; of what is no money, nothing"}
  impressions: {type: UInt64, about: times it was shown in a list}
  choices: {type: UInt64, about: times it was chosen from one}
  views: {type: UInt64, about: times its page was seen}
  carts: {type: UInt64, about: times it was put into a cart}
  orders: {type: UInt64, about: orders it was in}
  units: {type: UInt64, about: units ordered}
  cancelled_units: {type: UInt64, about: of them cancelled}
  returned_units: {type: UInt64, about: of them sent back}
  gross: {type: Int64, unit: minor, about: its lines before discounts}
  discount: {type: Int64, unit: minor, about: their discounts}
  total: {type: Int64, unit: minor, about: gross - discount}
*/
SELECT
    day,
    product_id,
    currency,
    sum(impressions) AS impressions,
    sum(choices) AS choices,
    sum(views) AS views,
    sum(carts) AS carts,
    sum(orders) AS orders,
    sum(units) AS units,
    sum(cancelled_units) AS cancelled_units,
    sum(returned_units) AS returned_units,
    sum(gross) AS gross,
    sum(discount) AS discount,
    sum(total) AS total
FROM
(
    SELECT
        day,
        product_id,
        currency,
        0 AS impressions,
        0 AS choices,
        0 AS views,
        0 AS carts,
        1 AS orders,
        sum(l.units) AS units,
        sum(l.cancelled_units) AS cancelled_units,
        sum(l.returned_units) AS returned_units,
        sum(l.gross) AS gross,
        sum(l.discount) AS discount,
        sum(l.total) AS total
    FROM mart_order_lines AS l FINAL
    WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
    GROUP BY day, product_id, currency, order_id
    UNION ALL
    SELECT
        day,
        assumeNotNull(toUUIDOrNull(item)) AS product_id,
        '' AS currency,
        countIf(name = 'view_item_list') AS impressions,
        countIf(name = 'select_item') AS choices,
        countIf(name = 'view_item') AS views,
        countIf(name = 'add_to_cart') AS carts,
        0, 0, 0, 0, 0, 0, 0
    FROM
    (
        SELECT
            toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
            name,
            arrayJoin(JSONExtract(payload, 'items', 'Array(Tuple(item_id String))').item_id) AS item
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID} AND name IN ('view_item_list', 'select_item', 'view_item', 'add_to_cart')
          AND NOT is_bot AND NOT is_internal
          AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
          AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
    )
    WHERE toUUIDOrNull(item) IS NOT NULL
    GROUP BY day, product_id
)
GROUP BY day, product_id, currency
