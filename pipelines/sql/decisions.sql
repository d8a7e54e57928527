-- One row a decision: what could have been chosen, what was, why, and on what values.
CREATE TABLE IF NOT EXISTS decisions
(
    tenant_id            UUID,
    kind                 LowCardinality(String),
    decided_at           DateTime64(3, 'UTC'),
    decision_id          UUID,
    placement            LowCardinality(String),
    shopper_id           Nullable(UUID),
    visitor_id           Nullable(UUID),
    session_id           Nullable(UUID),
    policy               LowCardinality(String),
    model_name           LowCardinality(String),
    model_version        LowCardinality(String),
    experiment           LowCardinality(String),
    arm                  LowCardinality(String),
    candidates           Array(String),
    chosen               Array(String),
    scores               Array(Float64),
    sources              Array(LowCardinality(String)),
    propensities         Array(Float64),
    deterministic        UInt8,
    features             String,
    feature_view_version LowCardinality(String),
    guardrails           Array(LowCardinality(String)),
    fallback             LowCardinality(Nullable(String)),
    fallback_reason      LowCardinality(Nullable(String)),
    latency_ms           Float64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(decided_at)
ORDER BY (tenant_id, kind, decided_at, decision_id)
