"""Attributes with a kind each, the types of product that have them, and brands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attribute",
        *owned("attribute"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("choices", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "kind IN ('text', 'number', 'boolean', 'choice', 'colour', 'date')", name=op.f("ck_attribute_kind")
        ),
        sa.CheckConstraint("unit IS NULL OR kind = 'number'", name=op.f("ck_attribute_unit")),
    )
    op.create_index("uq_attribute_code", "attribute", ["tenant_id", "code"], unique=True)
    op.create_table(
        "product_type",
        *owned("product_type"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
    )
    op.create_index("uq_product_type_code", "product_type", ["tenant_id", "code"], unique=True)
    op.create_table(
        "product_type_attribute",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("type_id", sa.Uuid(), nullable=False),
        sa.Column("attribute_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("required", sa.Boolean(), server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "type_id", "attribute_id", name=op.f("pk_product_type_attribute")),
        belongs("product_type_attribute", "product_type", "type_id"),
        belongs("product_type_attribute", "attribute", "attribute_id"),
    )
    op.create_index("ix_product_type_attribute_attribute", "product_type_attribute", ["tenant_id", "attribute_id"])
    op.create_table(
        "brand",
        *owned("brand"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
    )
    op.create_index("uq_brand_slug", "brand", ["tenant_id", "slug"], unique=True)
    op.create_index("uq_brand_name", "brand", ["tenant_id", "name"], unique=True)
    own_by_tenant("attribute", "product_type", "product_type_attribute", "brand")

    op.add_column("product", sa.Column("type_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_product_tenant_id_type_id"),
        "product",
        "product_type",
        ["tenant_id", "type_id"],
        ["tenant_id", "id"],
    )
    op.create_index(
        "ix_product_type",
        "product",
        ["tenant_id", "type_id", "id"],
        postgresql_where=sa.text("type_id IS NOT NULL"),
    )
    op.create_index(
        "ix_product_brand", "product", ["tenant_id", "brand", "id"], postgresql_where=sa.text("brand IS NOT NULL")
    )
