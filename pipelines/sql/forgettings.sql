-- Up to which tombstones this event store has forgotten. It is kept here and not beside the tombstones, so that a backup
-- from before brings its own answer back, and what it brought back is forgotten anew. It names nobody.
CREATE TABLE IF NOT EXISTS forgettings
(
    tenant_id    UUID,
    tombstones   UInt64,
    mark         Int64,
    forgotten_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(forgotten_at)
ORDER BY tenant_id
