"""Several addresses, delivery windows, and who owes which tax."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _taxes()


def _taxes() -> None:
    op.add_column("tax_policy", sa.Column("oss", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("tax_policy", sa.Column("ioss_limit", sa.BigInteger(), nullable=True))
    op.add_column("tax_policy", sa.Column("vat_id", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_tax_policy_ioss_limit"), "tax_policy", "ioss_limit > 0")
    op.add_column(
        "tax_rate",
        sa.Column("postal_prefixes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("cart", _json("vat_id"))
    op.add_column("orders", sa.Column("rounding", sa.Text(), server_default="half_even_per_line", nullable=False))
    op.add_column("orders", _json("vat_id"))


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), nullable=True)
