-- The one definition of how a product sells, as of an instant.
SELECT
    tenant_id,
    concat(toString(tenant_id), ':', toString(product_id)) AS product_key,
    fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') AS as_of,
    toInt64(sumIf(quantity, occurred_at > as_of - INTERVAL 7 DAY)) AS units_7d,
    toInt64(sum(quantity)) AS units_28d,
    toInt64(uniqExact(shopper_id)) AS shoppers_28d
FROM interactions FINAL
WHERE tenant_id = {tenant_id:UUID}
  AND kind = 'order.placed'
  AND occurred_at > fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC') - INTERVAL 28 DAY
  AND known_at <= fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
GROUP BY tenant_id, product_id
