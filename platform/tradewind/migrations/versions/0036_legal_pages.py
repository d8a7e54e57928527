"""What shops must say in law, by version and language, and which of it buyers accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "legal_page",
        *owned("legal_page"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", _AT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('terms', 'privacy', 'imprint', 'returns', 'shipping')", name=op.f("ck_legal_page_kind")
        ),
    )
    op.create_index("uq_legal_page_version", "legal_page", ["tenant_id", "kind", "locale", "version"], unique=True)
    own_by_tenant("legal_page", append_only=True)
    op.create_table(
        "legal_acceptance",
        *owned("legal_acceptance"),
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("accepted_at", _AT, nullable=False),
        belongs("legal_acceptance", "legal_page", "page_id"),
    )
    op.create_index("uq_legal_acceptance_kind", "legal_acceptance", ["tenant_id", "cart_id", "kind"], unique=True)
    own_by_tenant("legal_acceptance")
