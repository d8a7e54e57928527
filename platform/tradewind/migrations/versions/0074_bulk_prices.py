"""Many prices changed at once, SKU by SKU, and what variants cost the shop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import owned

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)
_STATES = ("planned", "unchanged", "violating", "applied", "skipped", "undone", "kept")


def upgrade() -> None:
    op.create_table(
        "variant_cost",
        *owned("variant_cost"),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        _of_variant("variant_cost"),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_variant_cost_amount")),
    )
    op.create_index("uq_variant_cost", "variant_cost", ["tenant_id", "variant_id", "currency"], unique=True)
    op.create_table(
        "bulk_price_change",
        *owned("bulk_price_change"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.Column("change", JSONB(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in ("found", *_STATES)),
        sa.Column("summary", JSONB(), nullable=True),
        sa.Column("violations", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _AT, server_default=sa.text("now()"), nullable=False),
        sa.Column("applied_by", sa.Text(), nullable=True),
        sa.Column("applied_at", _AT, nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", _AT, nullable=True),
        sa.Column("finished_at", _AT, nullable=True),
        sa.Column("expires_at", _AT, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'previewed', 'refused', 'applied', 'stopped', 'undone', 'failed')",
            name=op.f("ck_bulk_price_change_status"),
        ),
        sa.CheckConstraint("doing IN ('preview', 'apply', 'undo')", name=op.f("ck_bulk_price_change_doing")),
    )
    op.create_index(
        "ix_bulk_price_change_due",
        "bulk_price_change",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    op.create_index(
        "ix_bulk_price_change_expires",
        "bulk_price_change",
        ["tenant_id", "expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_table(
        "bulk_price_row",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=True)
            for name in ("before", "after", "struck_before", "struck_after")
        ),
        *(
            sa.Column(name, ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
            for name in ("violations", "warnings")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "change_id", "variant_id", name=op.f("pk_bulk_price_row")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "change_id"],
            ["bulk_price_change.tenant_id", "bulk_price_change.id"],
            name=op.f("fk_bulk_price_row_tenant_id_change_id"),
            ondelete="CASCADE",
        ),
        _of_variant("bulk_price_row"),
        sa.CheckConstraint(
            "state IN ('found', 'planned', 'unchanged', 'violating', 'applied', 'skipped', 'undone', 'kept')",
            name=op.f("ck_bulk_price_row_state"),
        ),
    )
    op.create_index("ix_bulk_price_row_state", "bulk_price_row", ["tenant_id", "change_id", "state", "variant_id"])
    op.create_index("ix_bulk_price_row_variant", "bulk_price_row", ["tenant_id", "variant_id"])
    own_by_tenant("variant_cost", "bulk_price_change", "bulk_price_row")


def _of_variant(table: str) -> sa.ForeignKeyConstraint:
    """What is said of a variant goes with it."""
    return sa.ForeignKeyConstraint(
        ["tenant_id", "variant_id"],
        ["variant.tenant_id", "variant.id"],
        name=op.f(f"fk_{table}_tenant_id_variant_id"),
        ondelete="CASCADE",
    )
