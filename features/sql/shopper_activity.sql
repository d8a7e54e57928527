-- The one definition of what is known of a shopper, as of an instant. Training, the nightly load and the stream run this
-- statement. A row changes only when something becomes known: `as_of` is the last such instant, so that a row in the
-- online store is never out of date by the clock alone, and can be computed again from its own `as_of`.
SELECT
    tenant_id,
    concat(toString(tenant_id), ':', toString(shopper_id)) AS shopper_key,
    max(known_at) AS as_of,
    arraySlice(
        arrayReverseSort(
            groupArray((toUnixTimestamp64Milli(occurred_at), event_id, position, toString(product_id), toString(kind)))
        ),
        1, 5000
    ) AS touches,
    arrayMap(touch -> touch.4, touches) AS touched_products,
    arrayMap(touch -> touch.1, touches) AS touched_at,
    arrayMap(touch -> transform(touch.5, ['order.placed', 'add_to_cart', 'view_item'], [1., 0.5, 0.2], 0.), touches)
        AS touch_weights,
    toInt64(uniqExactIf(event_id, kind = 'order.placed')) AS orders,
    toInt64(sumIf(quantity, kind = 'order.placed')) AS units,
    toInt64(uniqExactIf(product_id, kind = 'order.placed')) AS products,
    toInt64(maxIf(toUnixTimestamp64Milli(occurred_at), kind = 'order.placed')) AS last_order_at
FROM interactions FINAL
WHERE tenant_id = {tenant_id:UUID}
  AND known_at <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
  AND (empty({shoppers:Array(UUID)}) OR has({shoppers:Array(UUID)}, shopper_id))
GROUP BY tenant_id, shopper_id
