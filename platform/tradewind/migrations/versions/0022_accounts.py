"""Accounts people sign in to, the keys their personal data is sealed with, and messages on their way to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "subject_key",
        *owned("subject_key"),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_by", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
    )
    op.create_index("ix_subject_key_wrapped_by", "subject_key", ["tenant_id", "wrapped_by"])
    op.create_table(
        "account",
        *owned("account"),
        sa.Column("customer_id", sa.Uuid()),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("email_digest", sa.LargeBinary()),
        sa.Column("email_verified_at", _AT),
        sa.Column("phone", sa.Text()),
        sa.Column("phone_digest", sa.LargeBinary()),
        sa.Column("phone_verified_at", _AT),
        sa.Column("password_hash", sa.Text()),
        sa.Column("password_changed_at", _AT),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        belongs("account", "customer", "customer_id"),
        sa.CheckConstraint("status IN ('active', 'closed')", name=op.f("ck_account_status")),
    )
    for column in ("email_digest", "phone_digest"):
        op.create_index(f"uq_account_{column}", "account", ["tenant_id", column], unique=True)
    op.create_index("uq_account_customer", "account", ["tenant_id", "customer_id"], unique=True)
    op.add_column("session", sa.Column("account_id", sa.Uuid()))
    op.add_column("session", sa.Column("amr", ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("session", sa.Column("authenticated_at", _AT))
    op.create_foreign_key(
        op.f("fk_session_tenant_id_account_id"),
        "session",
        "account",
        ["tenant_id", "account_id"],
        ["tenant_id", "id"],
    )
    op.create_index("ix_session_account", "session", ["tenant_id", "account_id"])
    op.create_table(
        "message",
        *owned("message"),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", _AT, nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("sent_at", _AT),
        sa.Column("error", sa.Text()),
        sa.CheckConstraint("channel IN ('email', 'sms')", name=op.f("ck_message_channel")),
        sa.CheckConstraint("status IN ('queued', 'sent', 'failed')", name=op.f("ck_message_status")),
    )
    op.create_index(
        "ix_message_due", "message", ["tenant_id", "next_attempt_at"], postgresql_where=sa.text("status = 'queued'")
    )
    own_by_tenant("subject_key", "account", "message")
