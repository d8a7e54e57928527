"""Programs: what is shown of a key, OAuth clients and what was granted to them, webhooks of tenants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from foundation.outbox import Xid8
from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_AT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    _keys()
    _webhooks()
    _clients()
    _grants()
    own_by_tenant(
        "webhook_subscription",
        "webhook_cursor",
        "webhook_event",
        "webhook_delivery",
        "webhook_attempt",
        "oauth_client",
        "oauth_signing_key",
        "oauth_grant",
        "oauth_code",
        "oauth_refresh_token",
    )
    # What a tenant's webhooks have not read yet, the relay does not throw away.
    op.execute("CREATE POLICY relay ON webhook_cursor FOR SELECT TO tradewind_relay USING (true)")
    op.execute("GRANT SELECT ON webhook_cursor TO tradewind_relay")


def _keys() -> None:
    op.add_column("api_key", sa.Column("prefix", sa.Text()))
    op.add_column("api_key", sa.Column("created_by", sa.Text()))
    op.add_column("api_key", sa.Column("last_used_at", _AT))


def _webhooks() -> None:
    op.create_table(
        "webhook_subscription",
        *owned("webhook_subscription"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", ARRAY(sa.Text()), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text()),
        sa.Column("previous_until", _AT),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failing_since", _AT),
        sa.Column("next_attempt_at", _AT, nullable=False),
        sa.Column("claim", sa.Uuid()),
        sa.Column("claimed_until", _AT),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("deleted_at", _AT),
        sa.CheckConstraint("status IN ('active', 'paused', 'disabled')", name=op.f("ck_webhook_subscription_status")),
    )
    op.create_table(
        "webhook_cursor",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_webhook_cursor")),
    )
    op.create_table(
        "webhook_event",
        *owned("webhook_event"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("occurred_at", _AT, nullable=False),
        sa.Column("recorded_at", _AT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
    )
    op.create_index("ix_webhook_event_recorded", "webhook_event", ["tenant_id", "recorded_at"])
    op.create_table(
        "webhook_delivery",
        *owned("webhook_delivery"),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("ended_at", _AT),
        belongs("webhook_delivery", "webhook_subscription", "subscription_id"),
        belongs("webhook_delivery", "webhook_event", "event_id"),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name=op.f("ck_webhook_delivery_status")),
    )
    op.create_index(
        "uq_webhook_delivery_event", "webhook_delivery", ["tenant_id", "subscription_id", "event_id"], unique=True
    )
    op.create_index("ix_webhook_delivery_event", "webhook_delivery", ["tenant_id", "event_id"])
    op.create_index(
        "ix_webhook_delivery_pending",
        "webhook_delivery",
        ["tenant_id", "subscription_id", "position"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "webhook_attempt",
        *owned("webhook_attempt"),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("attempted_at", _AT, nullable=False),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("error", sa.Text()),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        belongs("webhook_attempt", "webhook_delivery", "delivery_id"),
    )
    op.create_index("ix_webhook_attempt_delivery", "webhook_attempt", ["tenant_id", "delivery_id", "id"])


def _clients() -> None:
    op.create_table(
        "oauth_client",
        *owned("oauth_client"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary()),
        sa.Column("redirect_uris", ARRAY(sa.Text()), nullable=False),
        sa.Column("grants", ARRAY(sa.Text()), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("disabled_at", _AT),
        sa.CheckConstraint("kind IN ('confidential', 'public')", name=op.f("ck_oauth_client_kind")),
        sa.CheckConstraint("(kind = 'confidential') = (secret_hash IS NOT NULL)", name=op.f("ck_oauth_client_secret")),
    )
    op.create_table(
        "oauth_signing_key",
        *owned("oauth_signing_key"),
        sa.Column("public_jwk", JSONB(), nullable=False),
        sa.Column("private_jwk", sa.Text(), nullable=False),
        sa.Column("signs_from", _AT, nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
    )


def _grants() -> None:
    op.create_table(
        "oauth_grant",
        *owned("oauth_grant"),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("revoked_at", _AT),
        sa.Column("revoked_reason", sa.Text()),
        belongs("oauth_grant", "oauth_client", "client_id"),
        sa.CheckConstraint("subject IN ('client', 'customer', 'staff')", name=op.f("ck_oauth_grant_subject")),
    )
    op.create_index("ix_oauth_grant_subject", "oauth_grant", ["tenant_id", "subject_id"])
    op.create_index("ix_oauth_grant_client", "oauth_grant", ["tenant_id", "client_id"])
    op.create_table(
        "oauth_code",
        *owned("oauth_code"),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("used_at", _AT),
        belongs("oauth_code", "oauth_grant", "grant_id"),
    )
    op.create_index("uq_oauth_code_hash", "oauth_code", ["tenant_id", "code_hash"], unique=True)
    op.create_index("ix_oauth_code_grant", "oauth_code", ["tenant_id", "grant_id"])
    op.create_table(
        "oauth_refresh_token",
        *owned("oauth_refresh_token"),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _AT, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("used_at", _AT),
        belongs("oauth_refresh_token", "oauth_grant", "grant_id"),
    )
    op.create_index("uq_oauth_refresh_token_hash", "oauth_refresh_token", ["tenant_id", "token_hash"], unique=True)
    op.create_index("ix_oauth_refresh_token_grant", "oauth_refresh_token", ["tenant_id", "grant_id"])
