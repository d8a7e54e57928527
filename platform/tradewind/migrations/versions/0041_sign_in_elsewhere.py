"""Kinds of identity providers, what a browser was sent to them for, and staff who must come by their shop's own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("identity_provider", sa.Column("kind", sa.Text(), server_default="oidc", nullable=False))
    op.add_column("identity_provider", sa.Column("team_id", sa.Text()))
    op.add_column("identity_provider", sa.Column("key_id", sa.Text()))
    op.add_column("identity_provider", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.create_check_constraint(
        op.f("ck_identity_provider_kind"), "identity_provider", "kind IN ('oidc', 'google', 'apple', 'facebook')"
    )
    # Nothing has written an attempt before: none is there to be given these.
    op.add_column("sign_in_attempt", sa.Column("purpose", sa.Text(), nullable=False))
    op.add_column("sign_in_attempt", sa.Column("redirect_uri", sa.Text(), nullable=False))
    op.add_column("sign_in_attempt", sa.Column("started_at", _AT, nullable=False))
    op.create_check_constraint(
        op.f("ck_sign_in_attempt_purpose"), "sign_in_attempt", "purpose IN ('sign_in', 'link', 'step_up')"
    )
    op.create_index("ix_external_identity_provider", "external_identity", ["tenant_id", "provider"])
    op.add_column("session", sa.Column("provider_id", sa.Uuid()))
    op.create_table(
        "staff_sign_in",
        *owned("staff_sign_in"),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("owner_account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        belongs("staff_sign_in", "identity_provider", "provider_id"),
        belongs("staff_sign_in", "account", "owner_account_id"),
    )
    op.create_index("uq_staff_sign_in_tenant", "staff_sign_in", ["tenant_id"], unique=True)
    own_by_tenant("staff_sign_in")
