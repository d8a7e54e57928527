/*
about: "What came of the decisions that put products in front of shoppers, by what had decided."
grain: "one row a day, kind, placement, model, version, experiment, arm, fallback and currency"
key: [day, kind, placement, model_name, model_version, experiment, arm, fallback, currency]
owner: data science
reach: tenant
events: [view_item_list, select_item, add_to_cart]
marts: [order_lines]
decisions: true
time: day
columns:
  day: {type: Date, about: "the day it was shown, chosen, put into a cart or ordered"}
  kind: {type: LowCardinality(String), about: what was decided}
  placement: {type: LowCardinality(String), about: where it was shown}
  model_name: {type: LowCardinality(String), about: the model that decided}
  model_version: {type: LowCardinality(String), about: its version}
  experiment: {type: LowCardinality(String), about: the experiment it was in}
  arm: {type: LowCardinality(String), about: its arm}
  fallback: {type: LowCardinality(String), about: "what answered in the model's place, if something did"}
  currency: {type: LowCardinality(String), about: "ISO 4217; of what is no money, nothing"}
  shown: {type: UInt64, about: lists that were shown}
  impressions: {type: UInt64, about: products in them}
  chosen: {type: UInt64, about: times a product was chosen}
  carts: {type: UInt64, about: times one was put into a cart}
  orders: {type: UInt64, about: orders with something that a decision had shown}
  units: {type: UInt64, about: units of it}
  total: {type: Int64, unit: minor, about: "what it was sold for, less discounts"}
*/
SELECT
    day,
    kind,
    placement,
    model_name,
    model_version,
    experiment,
    arm,
    ifNull(d.fallback, '') AS fallback,
    currency,
    sum(shown) AS shown,
    sum(impressions) AS impressions,
    sum(chosen) AS chosen,
    sum(carts) AS carts,
    uniqExactIf(order_id, order_id != toUUID('00000000-0000-0000-0000-000000000000')) AS orders,
    sum(units) AS units,
    sum(total) AS total
FROM
(
    SELECT
        toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
        assumeNotNull(decision_id) AS decision,
        '' AS currency,
        toUInt64(name = 'view_item_list') AS shown,
        if(name = 'view_item_list', JSONLength(payload, 'items'), 0) AS impressions,
        toUInt64(name = 'select_item') AS chosen,
        toUInt64(name = 'add_to_cart') AS carts,
        toUUID('00000000-0000-0000-0000-000000000000') AS order_id,
        0 AS units,
        0 AS total
    FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID} AND name IN ('view_item_list', 'select_item', 'add_to_cart')
      AND decision_id IS NOT NULL AND NOT is_bot AND NOT is_internal
      AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
      AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
    UNION ALL
    SELECT day, assumeNotNull(decision_id), currency, 0, 0, 0, 0, l.order_id, l.units, l.total
    FROM mart_order_lines AS l FINAL
    WHERE tenant_id = {tenant_id:UUID} AND decision_id IS NOT NULL AND has({days:Array(Date)}, day)
) AS came
INNER JOIN
(
    SELECT decision_id, kind, placement, model_name, model_version, experiment, arm, fallback FROM decisions FINAL
    WHERE tenant_id = {tenant_id:UUID}
) AS d ON d.decision_id = came.decision
GROUP BY day, kind, placement, model_name, model_version, experiment, arm, fallback, currency
