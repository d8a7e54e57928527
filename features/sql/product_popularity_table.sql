-- Feast's offline source: `product_popularity.sql` at the instants that somebody trained or loaded for.
CREATE TABLE IF NOT EXISTS product_popularity
(
    tenant_id    UUID,
    product_key  String,
    as_of        DateTime64(3, 'UTC'),
    units_7d     Int64,
    units_28d    Int64,
    shoppers_28d Int64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(as_of)
ORDER BY (tenant_id, product_key, as_of)
