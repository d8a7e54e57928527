-- Row for row, never an aggregate: what is delivered again lands on the same key. A clock that runs ahead in a browser
-- counts as the time of receipt. Imported history (its events carry `original_at`) counts as known when it happened.
CREATE MATERIALIZED VIEW IF NOT EXISTS interactions_of_events TO interactions AS
SELECT
    tenant_id,
    assumeNotNull(shopper) AS shopper_id,
    happened_at AS occurred_at,
    event_id,
    toUInt16(place) AS position,
    name AS kind,
    assumeNotNull(toUUIDOrNull(if(name = 'order.placed', line.1, line.2))) AS product_id,
    toUInt32(greatest(line.3, 1)) AS quantity,
    if(name = 'order.placed', line.4, line.5) AS unit_price,
    if(is_imported, happened_at, delivered_at) AS known_at
FROM
(
    SELECT
        tenant_id,
        coalesce(shopper_id, visitor_id) AS shopper,
        least(occurred_at, recorded_at) AS happened_at,
        event_id,
        name,
        delivered_at,
        JSONHas(payload, 'original_at') AS is_imported,
        JSONExtract(
            payload,
            if(name = 'order.placed', 'lines', 'items'),
            'Array(Tuple(product_id String, item_id String, quantity UInt32, unit_price Nullable(Int64), price Nullable(Int64)))'
        ) AS lines
    FROM events
    WHERE name IN ('order.placed', 'add_to_cart', 'view_item')
      AND has(consent, 'personalisation')
      AND coalesce(shopper_id, visitor_id) IS NOT NULL
)
ARRAY JOIN
    lines AS line,
    arrayEnumerate(lines) AS place
WHERE toUUIDOrNull(if(name = 'order.placed', line.1, line.2)) IS NOT NULL
