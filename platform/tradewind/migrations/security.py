"""What every tenant-owned table gets: row-level security that its owner can't bypass, and the app's rights to it."""

from __future__ import annotations

from alembic import op


def own_by_tenant(*tables: str, append_only: bool = False) -> None:
    """Let a transaction see and write only its own tenant's rows; of an append-only table it may change none."""
    rights = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} "
            "USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))"
        )
        op.execute(f"GRANT {rights} ON {table} TO tradewind_app")
