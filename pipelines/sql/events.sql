-- Every event once under FINAL: a second delivery has the same key. No personal data, only ids.
-- Behaviour whose `consent` is empty was agreed to by nobody: it counts, in its hour, and says nothing else.
CREATE TABLE IF NOT EXISTS events
(
    tenant_id    UUID,
    name         LowCardinality(String),
    occurred_at  DateTime64(3, 'UTC'),
    event_id     UUID,
    version      UInt16,
    recorded_at  DateTime64(3, 'UTC'),
    aggregate_id UUID,
    shopper_id   Nullable(UUID),
    visitor_id   Nullable(UUID),
    session_id   Nullable(UUID),
    decision_id  Nullable(UUID),
    consent      Array(LowCardinality(String)),
    is_bot       Bool DEFAULT false,
    is_internal  Bool DEFAULT false,
    payload      String,
    delivered_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant_id, name, occurred_at, event_id)
