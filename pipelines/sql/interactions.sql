-- What shoppers who agreed to personalisation did with products: one row a line of an order or an item of a behaviour.
-- Keyed by shopper, so that one shopper's rows are read in milliseconds. A line delivered twice is replaced by the one
-- that was known first: `known_at` never moves, and what was computed as of an instant can be computed again.
CREATE TABLE IF NOT EXISTS interactions
(
    tenant_id   UUID,
    shopper_id  UUID,
    occurred_at DateTime64(3, 'UTC'),
    event_id    UUID,
    position    UInt16,
    kind        LowCardinality(String),
    product_id  UUID,
    quantity    UInt32,
    unit_price  Nullable(Int64),
    known_at    DateTime64(3, 'UTC'),
    precedence  UInt64 MATERIALIZED 18446744073709551615 - toUInt64(toUnixTimestamp64Milli(known_at))
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant_id, shopper_id, occurred_at, event_id, position)
