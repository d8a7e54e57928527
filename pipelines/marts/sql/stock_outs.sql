/*
about: "When variants could not be had: from the level that reached nothing to the next that did not."
grain: one row a variant and the moment it ran out
key: [variant_id, began_at]
owner: operations
reach: tenant
events: [stock.changed]
time: began_at
columns:
  variant_id: {type: UUID, about: the variant}
  product_id: {type: UUID, about: its product}
  began_at: {type: "DateTime64(3, 'UTC')", about: when it ran out}
  ended_at: {type: "Nullable(DateTime64(3, 'UTC'))", about: "when it could be had again; if it can't yet, nothing"}
  began_on: {type: Date, about: the day it ran out}
  ended_on: {type: Nullable(Date), about: the day it came back}
*/
SELECT
    variant AS variant_id,
    product AS product_id,
    at AS began_at,
    back_at AS ended_at,
    toDate(at, {zone:String}) AS began_on,
    toDate(back_at, {zone:String}) AS ended_on
FROM
(
    SELECT
        *,
        leadInFrame(toNullable(at)) OVER (
            PARTITION BY variant ORDER BY at, id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS back_at
    FROM
    (
        SELECT
            *,
            lagInFrame(toNullable(is_out)) OVER (
                PARTITION BY variant ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS was_out
        FROM
        (
            SELECT
                aggregate_id AS variant,
                assumeNotNull(toUUIDOrNull(JSONExtractString(payload, 'product_id'))) AS product,
                occurred_at AS at,
                toString(event_id) AS id,
                JSONExtractUInt(payload, 'available') = 0 AS is_out
            FROM events FINAL
            WHERE tenant_id = {tenant_id:UUID} AND name = 'stock.changed'
        )
    )
    WHERE was_out IS NULL OR was_out != is_out
)
WHERE is_out
