"""Files of products that shops send, their bad rows, and the images that they name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)
_COUNTS = ("rows", "bytes", "created", "changed", "unchanged", "bad")


def upgrade() -> None:
    op.create_table(
        "catalogue_import",
        *owned("catalogue_import"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mapping", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _AT, server_default=sa.text("now()"), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        sa.Column("columns", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in _COUNTS),
        sa.Column("problem", JSONB(), nullable=True),
        sa.Column("finished_at", _AT, nullable=True),
        sa.Column("expires_at", _AT, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'done', 'refused', 'cancelled', 'failed')",
            name=op.f("ck_catalogue_import_status"),
        ),
        sa.CheckConstraint("format IN ('csv', 'xlsx', 'jsonl', 'google')", name=op.f("ck_catalogue_import_format")),
    )
    op.create_index(
        "ix_catalogue_import_due",
        "catalogue_import",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    op.create_table(
        "import_bad_row",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("cells", ARRAY(sa.Text()), nullable=False),
        sa.Column("problems", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "import_id", "line", name=op.f("pk_import_bad_row")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["catalogue_import.tenant_id", "catalogue_import.id"],
            name=op.f("fk_import_bad_row_tenant_id_import_id"),
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "image_link",
        *owned("image_link"),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", _AT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.text("now()"), nullable=False),
        belongs("image_link", "product", "product_id"),
        sa.CheckConstraint("status IN ('waiting', 'running', 'fetched', 'failed')", name=op.f("ck_image_link_status")),
    )
    op.create_index("uq_image_link_url", "image_link", ["tenant_id", "product_id", sa.text("md5(url)")], unique=True)
    op.create_index(
        "ix_image_link_due",
        "image_link",
        ["tenant_id", "id"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    own_by_tenant("catalogue_import", "import_bad_row", "image_link")
