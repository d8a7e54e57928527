"""The embedded ClickHouse: chDB, the engine as a library, behind the HTTP protocol that a ClickHouse server speaks."""
