-- Row for row, never an aggregate: what is delivered again lands on the same key. A clock that runs ahead in a browser
-- counts as the time of receipt. Imported history (its events carry `original_at`) counts as known when it happened.
CREATE MATERIALIZED VIEW IF NOT EXISTS interactions_of_events TO interactions AS
SELECT
    tenant_id,
    assumeNotNull(coalesce(shopper_id, visitor_id)) AS shopper_id,
    least(event.occurred_at, recorded_at) AS occurred_at,
    event_id,
    toUInt16(position) AS position,
    name AS kind,
    assumeNotNull(toUUIDOrNull(if(name = 'order.placed', line.1, line.2))) AS product_id,
    toUInt32(greatest(line.3, 1)) AS quantity,
    if(name = 'order.placed', line.4, line.5) AS unit_price,
    if(JSONHas(payload, 'original_at'), least(event.occurred_at, recorded_at), delivered_at) AS known_at
FROM events AS event
ARRAY JOIN
    JSONExtract(
        payload,
        if(name = 'order.placed', 'lines', 'items'),
        'Array(Tuple(product_id String, item_id String, quantity UInt32, unit_price Nullable(Int64), price Nullable(Int64)))'
    ) AS line,
    arrayEnumerate(line) AS position
WHERE name IN ('order.placed', 'add_to_cart', 'view_item')
  AND has(consent, 'personalisation')
  AND coalesce(shopper_id, visitor_id) IS NOT NULL
  AND toUUIDOrNull(if(name = 'order.placed', line.1, line.2)) IS NOT NULL
