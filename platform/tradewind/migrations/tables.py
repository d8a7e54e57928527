"""What the definitions of tenant-owned tables share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def owned(table: str) -> tuple[sa.Column[object], sa.Column[object], sa.PrimaryKeyConstraint]:
    """The key of a tenant-owned table: (tenant_id, id)."""
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def belongs(table: str, other: str, column: str) -> sa.ForeignKeyConstraint:
    """A reference from `column` of a table to a row of the same tenant in another."""
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
