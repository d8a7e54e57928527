"""What orders have learnt: other addresses with their own taxes, claims, and notes that a shopper may see."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_consignment", sa.Column("tax_terms", postgresql.JSONB(), nullable=True))
    op.add_column("order_change", sa.Column("retaxed", sa.BigInteger(), server_default="0", nullable=False))
    _check("order_change_action", "kind", "kind IN ('add', 'remove', 'address', 'delivery_note', 'tax_engine')")


def _check(table: str, name: str, holds: str) -> None:
    """Put a CHECK in place of the one of that name."""
    op.drop_constraint(f"ck_{table}_{name}", table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, holds)
