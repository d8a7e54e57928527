/*
about: "What discount codes and coupons were used for, and what they took off."
grain: "one row a day, promotion and currency"
key: [day, kind, promotion_id, currency]
owner: marketing
reach: orders
events: [discount.redeemed, discount.released, coupon.redeemed]
marts: [orders]
time: day
columns:
  day: {type: Date, about: the day it was used}
  kind: {type: LowCardinality(String), about: "code, or coupon for one of a campaign"}
  promotion_id: {type: UUID, about: the code or the coupon}
  campaign_id: {type: Nullable(UUID), about: "the coupon's campaign"}
  currency: {type: LowCardinality(String), about: "ISO 4217; of coupons, nothing"}
  redemptions: {type: UInt64, about: times it was used}
  released: {type: UInt64, about: "times of the day on which a use was given back, because its order was cancelled"}
  discount: {type: Int64, unit: minor, about: what it took off}
  orders: {type: UInt64, about: orders it was used for}
  first_orders: {type: UInt64, about: of them the first of their customers}
  net: {type: Int64, unit: minor, about: what the orders are worth as they stand}
*/
SELECT
    day,
    if(name = 'coupon.redeemed', 'coupon', 'code') AS kind,
    aggregate AS promotion_id,
    any(campaign) AS campaign_id,
    said_currency AS currency,
    countIf(name != 'discount.released') AS redemptions,
    countIf(name = 'discount.released') AS released,
    sum(amount) AS discount,
    countIf(name = 'discount.redeemed') AS orders,
    countIf(name = 'discount.redeemed' AND placed.is_first_order) AS first_orders,
    sumIf(placed.net, name = 'discount.redeemed') AS net
FROM
(
    SELECT
        toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
        name,
        assumeNotNull(toUUIDOrNull(JSONExtractString(payload, if(name = 'coupon.redeemed', 'coupon_id', 'code_id')))) AS aggregate,
        toUUIDOrNull(JSONExtractString(payload, 'campaign_id')) AS campaign,
        toUUIDOrZero(JSONExtractString(payload, 'order_id')) AS order_id,
        JSONExtractString(payload, 'currency') AS said_currency,
        JSONExtractInt(payload, 'amount') AS amount
    FROM events FINAL
    WHERE tenant_id = {tenant_id:UUID} AND name IN ('discount.redeemed', 'discount.released', 'coupon.redeemed')
      AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
      AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
) AS used
LEFT JOIN
(
    SELECT order_id, is_first_order, net FROM mart_orders FINAL
    WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
) AS placed ON placed.order_id = used.order_id
GROUP BY day, kind, promotion_id, currency
