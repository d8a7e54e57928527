/*
about: "What could be had of each variant at the end of each day on which that changed, and for how long it could not."
grain: one row a day and variant whose level changed or that could not be had
key: [day, variant_id]
owner: operations
reach: tenant
events: [stock.changed]
marts: [order_lines, stock_outs]
time: day
columns:
  day: {type: Date, about: the day}
  variant_id: {type: UUID, about: the variant}
  product_id: {type: UUID, about: its product}
  available: {type: UInt64, about: units that could be had at the end of the day}
  out_seconds: {type: UInt32, about: seconds of the day in which nothing could be had}
  units: {type: UInt64, about: units ordered that day}
  is_censored: {type: UInt8, about: "1 when it could not be had for some of the day: more may have been wanted than was ordered"}
*/
WITH
    outs AS
    (
        SELECT
            arrayJoin(arrayFilter(
                one -> has({days:Array(Date)}, one),
                arrayMap(
                    days -> began_on + days,
                    range(toUInt32(dateDiff('day', began_on, coalesce(ended_on, last_day)) + 1))
                )
            )) AS day,
            variant_id,
            product_id,
            toDateTime64(toString(day), 3, {zone:String}) AS midnight,
            greatest(
                0,
                dateDiff(
                    'second',
                    greatest(began_at, midnight),
                    least(coalesce(ended_at, toDateTime64(toString(day + 1), 3, {zone:String})),
                          toDateTime64(toString(day + 1), 3, {zone:String}))
                )
            ) AS seconds
        FROM mart_stock_outs FINAL
        CROSS JOIN
        (
            SELECT max(toDate(least(occurred_at, recorded_at), {zone:String})) AS last_day FROM events
            WHERE tenant_id = {tenant_id:UUID} AND name IN ('stock.changed', 'order.placed')
        ) AS bounds
        WHERE tenant_id = {tenant_id:UUID}
    ),
    levels AS
    (
        SELECT
            toDate(least(occurred_at, recorded_at), {zone:String}) AS day,
            aggregate_id AS variant_id,
            any(assumeNotNull(toUUIDOrNull(JSONExtractString(payload, 'product_id')))) AS product_id,
            argMax(JSONExtractUInt(payload, 'available'), (occurred_at, toString(event_id))) AS available
        FROM events FINAL
        WHERE tenant_id = {tenant_id:UUID} AND name = 'stock.changed'
          AND occurred_at >= {since:DateTime64(3, 'UTC')} AND occurred_at < {until:DateTime64(3, 'UTC')}
          AND has({days:Array(Date)}, toDate(least(occurred_at, recorded_at), {zone:String}))
        GROUP BY day, variant_id
    ),
    seen AS
    (
        SELECT day, variant_id, any(product_id) AS product_id, sum(available) AS available, sum(seconds) AS out_seconds
        FROM
        (
            SELECT day, variant_id, product_id, available, 0 AS seconds FROM levels
            UNION ALL
            SELECT day, variant_id, product_id, 0, seconds FROM outs
        )
        GROUP BY day, variant_id
    ),
    ordered AS
    (
        SELECT day, variant_id, sum(l.units) AS units FROM mart_order_lines AS l FINAL
        WHERE tenant_id = {tenant_id:UUID} AND has({days:Array(Date)}, day)
        GROUP BY day, variant_id
    )
SELECT
    seen.day AS day,
    seen.variant_id AS variant_id,
    seen.product_id AS product_id,
    seen.available AS available,
    seen.out_seconds AS out_seconds,
    ordered.units AS units,
    seen.out_seconds > 0 AS is_censored
FROM seen
LEFT JOIN ordered ON ordered.day = seen.day AND ordered.variant_id = seen.variant_id
