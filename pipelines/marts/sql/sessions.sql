/*
about: "Visits of people who agreed to statistics, without bots and the own networks. A visit ends after 30 minutes without anything, and with the day."
grain: one row a visit
key: [day, visit_id]
unique: [visit_id]
owner: marketing
reach: day
events: [view_item_list, select_item, view_item, add_to_cart, remove_from_cart, add_to_wishlist, view_cart,
  begin_checkout, search, order.placed]
time: started_at
columns:
  day: {type: Date, about: the day it was on}
  visit_id: {type: UUID, about: the event it began with}
  visitor_id: {type: Nullable(UUID), person: true, about: the browser}
  customer_id: {type: Nullable(UUID), person: true, about: "the customer, if one was signed in"}
  started_at: {type: "DateTime64(3, 'UTC')", about: its first event}
  ended_at: {type: "DateTime64(3, 'UTC')", about: its last event}
  seconds: {type: UInt32, about: between the two}
  events: {type: UInt32, about: how much happened}
  lists: {type: UInt32, about: lists that were shown}
  views: {type: UInt32, about: product pages seen}
  searches: {type: UInt32, about: searches}
  carts: {type: UInt32, about: times something was put into the cart}
  checkouts: {type: UInt32, about: times the checkout was entered}
  orders: {type: UInt32, about: orders placed}
  landed_on: {type: LowCardinality(String), about: what its first event was}
  source: {type: LowCardinality(String), about: "who sent it: utm_source, else the host of the page it came from, else (direct)"}
  medium: {type: LowCardinality(String), about: "how: utm_medium, else referral, else (none)"}
  campaign: {type: LowCardinality(String), about: "utm_campaign, if there was one"}
*/
SELECT
    day,
    argMin(event_id, (at, toString(event_id))) AS visit_id,
    visitor AS visitor_id,
    max(shopper) AS customer_id,
    min(at) AS started_at,
    max(at) AS ended_at,
    dateDiff('second', started_at, ended_at) AS seconds,
    count() AS events,
    countIf(name = 'view_item_list') AS lists,
    countIf(name = 'view_item') AS views,
    countIf(name = 'search') AS searches,
    countIf(name = 'add_to_cart') AS carts,
    countIf(name = 'begin_checkout') AS checkouts,
    countIf(name = 'order.placed') AS orders,
    argMin(name, (at, toString(event_id))) AS landed_on,
    if(came.1 = '', '(direct)', came.1) AS source,
    multiIf(came.2 != '', came.2, came.1 = '', '(none)', 'referral') AS medium,
    came.3 AS campaign,
    argMinIf(traffic, (at, toString(event_id)), traffic.1 != '') AS came
FROM
(
    SELECT *, sum(begins) OVER (PARTITION BY visitor, day ORDER BY at, toString(event_id)) AS number
    FROM
    (
        SELECT
            toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
            least(occurred_at, recorded_at) AS at,
            event_id,
            name,
            visitor_id AS visitor,
            shopper_id AS shopper,
            JSONExtract(payload, 'traffic', 'Tuple(source String, medium String, campaign String)') AS traffic,
            dateDiff(
                'second',
                lagInFrame(toNullable(at)) OVER (
                    PARTITION BY visitor, day ORDER BY at, toString(event_id)
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
                at
            ) AS waited,
            if(waited IS NULL OR waited > 1800, 1, 0) AS begins
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID}
          AND name IN ('view_item_list', 'select_item', 'view_item', 'add_to_cart', 'remove_from_cart',
                       'add_to_wishlist', 'view_cart', 'begin_checkout', 'search', 'order.placed')
          AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
          AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
          AND visitor_id IS NOT NULL AND has(consent, 'analytics') AND NOT is_bot AND NOT is_internal
    )
)
GROUP BY day, visitor, number
