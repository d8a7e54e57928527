"""Second factors, passkeys, and identities from elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    _factors()
    _federation()
    own_by_tenant(
        "authenticator",
        "recovery_code",
        "passkey",
        "passkey_challenge",
        "identity_provider",
        "sign_in_attempt",
        "external_identity",
    )


def _created() -> sa.Column[object]:
    return sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False)


def _factors() -> None:
    op.create_table(
        "authenticator",
        *owned("authenticator"),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        _created(),
        sa.Column("confirmed_at", _AT),
        sa.Column("used_at", _AT),
        belongs("authenticator", "account", "account_id"),
    )
    op.create_index("uq_authenticator_account", "authenticator", ["tenant_id", "account_id"], unique=True)
    op.create_table(
        "recovery_code",
        *owned("recovery_code"),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        _created(),
        sa.Column("used_at", _AT),
        belongs("recovery_code", "account", "account_id"),
    )
    op.create_index("uq_recovery_code_hash", "recovery_code", ["tenant_id", "account_id", "code_hash"], unique=True)
    op.create_table(
        "passkey",
        *owned("passkey"),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("rp_id", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("transports", ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("is_synced", sa.Boolean(), nullable=False),
        _created(),
        sa.Column("used_at", _AT),
        belongs("passkey", "account", "account_id"),
    )
    op.create_index("uq_passkey_credential", "passkey", ["tenant_id", "credential_id"], unique=True)
    op.create_index("ix_passkey_account", "passkey", ["tenant_id", "account_id"])
    op.create_table(
        "passkey_challenge",
        *owned("passkey_challenge"),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("expires_at", _AT, nullable=False),
        sa.CheckConstraint(
            "purpose IN ('register', 'sign_in', 'second_factor', 'step_up')", name=op.f("ck_passkey_challenge_purpose")
        ),
    )
    op.create_index("ix_passkey_challenge_expires", "passkey_challenge", ["tenant_id", "expires_at"])


def _federation() -> None:
    op.create_table(
        "identity_provider",
        *owned("identity_provider"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=False),
        sa.Column("client_authentication", sa.Text(), server_default="basic", nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("domains", ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("role", sa.Text()),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        _created(),
        sa.CheckConstraint("audience IN ('customers', 'staff')", name=op.f("ck_identity_provider_audience")),
        sa.CheckConstraint(
            "client_authentication IN ('basic', 'post')", name=op.f("ck_identity_provider_client_authentication")
        ),
    )
    op.create_index(
        "uq_identity_provider_client", "identity_provider", ["tenant_id", "issuer", "client_id"], unique=True
    )
    op.create_table(
        "sign_in_attempt",
        *owned("sign_in_attempt"),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("onward", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("expires_at", _AT, nullable=False),
    )
    op.create_index("uq_sign_in_attempt_state", "sign_in_attempt", ["tenant_id", "state_hash"], unique=True)
    op.create_index("ix_sign_in_attempt_expires", "sign_in_attempt", ["tenant_id", "expires_at"])
    op.create_table(
        "external_identity",
        *owned("external_identity"),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subject_digest", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        _created(),
        sa.Column("used_at", _AT, nullable=False),
        belongs("external_identity", "account", "account_id"),
    )
    op.create_index("uq_external_identity_subject", "external_identity", ["tenant_id", "subject_digest"], unique=True)
    op.create_index("ix_external_identity_account", "external_identity", ["tenant_id", "account_id"])
