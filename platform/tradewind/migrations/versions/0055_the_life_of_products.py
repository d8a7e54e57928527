"""Products that are written, reviewed and published, with variants by options; every version of them is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)
STATUSES = ("draft", "in_review", "approved", "rejected", "published", "archived")


def upgrade() -> None:
    op.add_column("product", sa.Column("tags", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("product", sa.Column("country_of_origin", sa.Text(), nullable=True))
    op.add_column("product", sa.Column("hs_code", sa.Text(), nullable=True))
    op.add_column("product", sa.Column("options", JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column("product", sa.Column("publish_at", _AT, nullable=True))
    op.drop_constraint(op.f("ck_product_status"), "product")
    op.create_check_constraint(op.f("ck_product_status"), "product", f"status IN {STATUSES}")
    op.create_check_constraint(op.f("ck_product_publish_at"), "product", "publish_at IS NULL OR status = 'approved'")
    op.create_index(
        "ix_product_due", "product", ["tenant_id", "publish_at"], postgresql_where=sa.text("publish_at IS NOT NULL")
    )
    op.create_index("ix_product_status", "product", ["tenant_id", "status", "id"])

    op.add_column("variant", sa.Column("discontinued", sa.Boolean(), server_default="false", nullable=False))
    op.create_index("ix_variant_gtin", "variant", ["tenant_id", "gtin"], postgresql_where=sa.text("gtin IS NOT NULL"))
    op.create_index(
        "uq_variant_options",
        "variant",
        ["tenant_id", "product_id", "options"],
        unique=True,
        postgresql_where=sa.text("options <> '{}' AND NOT discontinued"),
    )

    op.create_table(
        "product_version",
        *owned("product_version"),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("content", JSONB(), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=False),
        belongs("product_version", "product", "product_id"),
    )
    op.create_index("uq_product_version", "product_version", ["tenant_id", "product_id", "version"], unique=True)
    own_by_tenant("product_version", append_only=True)
    op.create_table(
        "product_proposal",
        *owned("product_proposal"),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", _AT, nullable=False),
        belongs("product_proposal", "product", "product_id"),
        sa.CheckConstraint("status IN ('draft', 'in_review', 'rejected')", name=op.f("ck_product_proposal_status")),
    )
    op.create_index("uq_product_proposal_product", "product_proposal", ["tenant_id", "product_id"], unique=True)
    own_by_tenant("product_proposal")
