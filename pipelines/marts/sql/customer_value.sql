/*
about: "What each customer was worth to date, and how recently, how often and for how much they bought: fifths of all
  customers of the currency, 5 the best."
grain: one row a customer and currency
key: [customer_id, currency]
owner: marketing
reach: tenant
events: []
marts: [orders]
time: last_day
columns:
  customer_id: {type: UUID, person: true, about: "the customer, or the browser of a guest"}
  currency: {type: LowCardinality(String), about: ISO 4217}
  first_day: {type: Date, about: the day of their first order}
  last_day: {type: Date, about: the day of their last}
  orders: {type: UInt64, about: orders}
  units: {type: UInt64, about: units ordered}
  net: {type: Int64, unit: minor, about: what the orders are worth as they stand; their lifetime value to date}
  days_since: {type: UInt32, about: "days since their last order, up to the last day on which the shop sold anything"}
  recency: {type: UInt8, about: "1 to 5"}
  frequency: {type: UInt8, about: "1 to 5"}
  monetary: {type: UInt8, about: "1 to 5"}
  segment: {type: LowCardinality(String), about: "champions, loyal, new, at risk, lost or others"}
*/
WITH
    people AS
    (
        SELECT
            assumeNotNull(customer_id) AS customer,
            currency,
            min(day) AS first_day,
            max(day) AS last_day,
            count() AS orders,
            sum(o.units) AS units,
            sum(o.net) AS net
        FROM mart_orders AS o FINAL
        WHERE tenant_id = {tenant_id:UUID} AND customer_id IS NOT NULL
        GROUP BY customer, currency
    )
SELECT
    customer AS customer_id,
    currency,
    first_day,
    last_day,
    orders,
    units,
    net,
    dateDiff('day', last_day, (SELECT max(day) FROM mart_orders FINAL WHERE tenant_id = {tenant_id:UUID})) AS days_since,
    1 + intDiv(5 * (rank() OVER (PARTITION BY currency ORDER BY last_day) - 1), all_people) AS recency,
    1 + intDiv(5 * (rank() OVER (PARTITION BY currency ORDER BY orders) - 1), all_people) AS frequency,
    1 + intDiv(5 * (rank() OVER (PARTITION BY currency ORDER BY net) - 1), all_people) AS monetary,
    multiIf(
        recency >= 4 AND frequency >= 4, 'champions',
        frequency >= 4 AND recency >= 3, 'loyal',
        orders = 1 AND recency >= 4, 'new',
        frequency >= 3 AND recency <= 2, 'at risk',
        recency = 1, 'lost',
        'others'
    ) AS segment
FROM (SELECT *, count() OVER (PARTITION BY currency) AS all_people FROM people)
