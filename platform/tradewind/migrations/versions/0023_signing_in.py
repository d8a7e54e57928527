"""Signing in: what is sent to prove an address, the browsers that are known, and how long a session may rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device",
        *owned("device"),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("networks", ARRAY(sa.LargeBinary()), server_default="{}", nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("seen_at", _AT, nullable=False),
        belongs("device", "account", "account_id"),
    )
    op.create_index("uq_device_account", "device", ["tenant_id", "account_id", "token_hash"], unique=True)
    op.create_table(
        "proof",
        *owned("proof"),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("attempts_left", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
    )
    op.create_index("uq_proof_target", "proof", ["tenant_id", "purpose", "target"], unique=True)
    op.create_index("uq_proof_secret", "proof", ["tenant_id", "secret_hash"], unique=True)
    op.create_index("ix_proof_expires", "proof", ["tenant_id", "expires_at"])
    op.add_column("session", sa.Column("device_id", sa.Uuid()))
    op.add_column("session", sa.Column("seen_at", _AT))
    op.add_column("session", sa.Column("idle_until", _AT))
    op.add_column("session", sa.Column("browser", sa.Text()))
    op.add_column("session", sa.Column("address", sa.Text()))
    op.create_foreign_key(
        op.f("fk_session_tenant_id_device_id"), "session", "device", ["tenant_id", "device_id"], ["tenant_id", "id"]
    )
    own_by_tenant("device", "proof")
