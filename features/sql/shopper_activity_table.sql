-- Feast's offline source: `shopper_activity.sql` at the instants that somebody trained or loaded for.
CREATE TABLE IF NOT EXISTS shopper_activity
(
    tenant_id        UUID,
    shopper_key      String,
    as_of            DateTime64(3, 'UTC'),
    touched_products Array(String),
    touched_at       Array(Int64),
    touch_weights    Array(Float64),
    orders           Int64,
    units            Int64,
    products         Int64,
    last_order_at    Int64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(as_of)
ORDER BY (tenant_id, shopper_key, as_of)
