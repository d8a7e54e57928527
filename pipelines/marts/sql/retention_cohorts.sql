/*
about: "Of the people who first ordered in a month, how many ordered again so many months later, and for how much."
grain: "one row a month of first orders, months since, and currency"
key: [cohort, months_since, currency]
owner: marketing
reach: tenant
events: []
marts: [orders]
time: cohort
columns:
  cohort: {type: Date, about: the first day of the month of their first order}
  months_since: {type: UInt16, about: "calendar months since, 0 for the same"}
  currency: {type: LowCardinality(String), about: ISO 4217}
  cohort_customers: {type: UInt64, about: how many first ordered in that month}
  customers: {type: UInt64, about: how many of them ordered}
  orders: {type: UInt64, about: how often}
  net: {type: Int64, unit: minor, about: what those orders are worth as they stand}
*/
WITH
    placed AS
    (
        SELECT
            assumeNotNull(customer_id) AS customer,
            currency,
            net,
            toStartOfMonth(day) AS month,
            min(month) OVER (PARTITION BY customer) AS first_month
        FROM mart_orders FINAL
        WHERE tenant_id = {tenant_id:UUID} AND customer_id IS NOT NULL
    ),
    sizes AS
    (
        SELECT first_month, uniqExact(customer) AS customers FROM placed GROUP BY first_month
    )
SELECT
    placed.first_month AS cohort,
    dateDiff('month', placed.first_month, placed.month) AS months_since,
    placed.currency AS currency,
    any(sizes.customers) AS cohort_customers,
    uniqExact(placed.customer) AS customers,
    count() AS orders,
    sum(placed.net) AS net
FROM placed
INNER JOIN sizes ON sizes.first_month = placed.first_month
GROUP BY cohort, months_since, currency
