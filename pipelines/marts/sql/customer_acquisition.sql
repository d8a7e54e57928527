/*
about: "How many people were won on each day, and what their first orders came to."
grain: "one row a day, currency and channel"
key: [day, currency, channel]
owner: marketing
reach: orders
events: [customer.registered]
marts: [orders]
time: day
columns:
  day: {type: Date, about: the day}
  currency: {type: LowCardinality(String), about: "ISO 4217; of registrations, nothing"}
  channel: {type: LowCardinality(String), about: "the sales channel of the first orders; of registrations, nothing"}
  registrations: {type: UInt64, about: customers who became known to the shop}
  customers: {type: UInt64, about: people who ordered for the first time}
  first_orders_net: {type: Int64, unit: minor, about: what those orders are worth as they stand}
  returning_orders: {type: UInt64, about: orders of people who had ordered before}
  returning_net: {type: Int64, unit: minor, about: what those are worth}
*/
SELECT
    day,
    currency,
    channel,
    sum(registrations) AS registrations,
    sum(customers) AS customers,
    sum(first_orders_net) AS first_orders_net,
    sum(returning_orders) AS returning_orders,
    sum(returning_net) AS returning_net
FROM
(
    SELECT
        day,
        currency,
        channel,
        0 AS registrations,
        countIf(is_first_order) AS customers,
        sumIf(net, is_first_order) AS first_orders_net,
        countIf(customer_id IS NOT NULL AND NOT is_first_order) AS returning_orders,
        sumIf(net, customer_id IS NOT NULL AND NOT is_first_order) AS returning_net
    FROM mart_orders FINAL
    WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
    GROUP BY day, currency, channel
    UNION ALL
    SELECT toDate(least(occurred_at, recorded_at), {zone:String}) AS day, '', '', count(), 0, 0, 0, 0
    FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID} AND name = 'customer.registered'
      AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
      AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
    GROUP BY day
)
GROUP BY day, currency, channel
