"""Pure data work, with no scheduler inside: the outbox to ClickHouse, and the tables there."""
