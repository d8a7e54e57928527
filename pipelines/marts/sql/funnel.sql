/*
about: "How far visits came: each step counts those that made it and all steps before it."
grain: "one row a day, source and medium"
key: [day, source, medium]
owner: marketing
reach: day
events: []
marts: [sessions]
time: day
columns:
  day: {type: Date, about: the day}
  source: {type: LowCardinality(String), about: "who sent the visits; as the visits' own"}
  medium: {type: LowCardinality(String), about: how}
  visits: {type: UInt64, about: visits}
  viewed: {type: UInt64, about: of them saw a product's page}
  carted: {type: UInt64, about: of those put something into the cart}
  checked_out: {type: UInt64, about: of those entered the checkout}
  ordered: {type: UInt64, about: of those placed an order}
  bounced: {type: UInt64, about: "visits with no more than their first event"}
  with_orders: {type: UInt64, about: "visits with an order, whatever came before it"}
*/
SELECT
    day,
    source,
    medium,
    count() AS visits,
    countIf(views > 0) AS viewed,
    countIf(views > 0 AND carts > 0) AS carted,
    countIf(views > 0 AND carts > 0 AND checkouts > 0) AS checked_out,
    countIf(views > 0 AND carts > 0 AND checkouts > 0 AND orders > 0) AS ordered,
    countIf(events = 1) AS bounced,
    countIf(orders > 0) AS with_orders
FROM mart_sessions FINAL
WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
GROUP BY day, source, medium
