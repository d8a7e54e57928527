"""Gift cards and store credit, and refunds that another provider makes than the one that took the money."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _values()
    _payments()
    _entries()
    own_by_tenant("stored_value", "stored_value_payment", "stored_value_part", "code_guess")
    own_by_tenant("stored_value_entry", append_only=True)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON stored_value_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.add_column("refund", sa.Column("provider", sa.Text(), nullable=True))


def _values() -> None:
    op.create_table(
        "stored_value",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code_ending", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        _amount("held"),
        _amount("spent"),
        _amount("expired"),
        _amount("withdrawn"),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("funded_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _instant("expires_at", nullable=True),
        _instant("created_at", default=True),
        *owned("stored_value"),
        belongs("stored_value", "customer", "customer_id"),
        sa.CheckConstraint(
            "(kind = 'gift_card' AND code_hash IS NOT NULL AND code_ending IS NOT NULL AND customer_id IS NULL)"
            " OR (kind = 'store_credit' AND code_hash IS NULL AND code_ending IS NULL AND customer_id IS NOT NULL)",
            name=op.f("ck_stored_value_kind"),
        ),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_stored_value_status")),
        sa.CheckConstraint(
            "issued > 0 AND available >= 0 AND held >= 0 AND spent >= 0 AND expired >= 0 AND withdrawn >= 0"
            " AND issued = available + held + spent + expired + withdrawn",
            name=op.f("ck_stored_value_balance"),
        ),
    )
    op.create_index(
        "uq_stored_value_code",
        "stored_value",
        ["tenant_id", "code_hash"],
        unique=True,
        postgresql_where=sa.text("code_hash IS NOT NULL"),
    )
    op.create_index(
        "ix_stored_value_customer",
        "stored_value",
        ["tenant_id", "customer_id"],
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    op.create_index(
        "ix_stored_value_expiring",
        "stored_value",
        ["tenant_id", "expires_at"],
        postgresql_where=sa.text("available > 0 AND expires_at IS NOT NULL"),
    )


def _payments() -> None:
    op.create_table(
        "stored_value_payment",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        _amount("refunded"),
        sa.Column("currency", sa.Text(), nullable=False),
        _instant("created_at", default=True),
        *owned("stored_value_payment"),
        sa.CheckConstraint("kind IN ('gift_card', 'store_credit')", name=op.f("ck_stored_value_payment_kind")),
        sa.CheckConstraint("status IN ('held', 'spent', 'released')", name=op.f("ck_stored_value_payment_status")),
        sa.CheckConstraint(
            "amount >= 0 AND refunded BETWEEN 0 AND amount AND (refunded = 0 OR status = 'spent')",
            name=op.f("ck_stored_value_payment_amount"),
        ),
    )
    op.create_table(
        "stored_value_part",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("value_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        _amount("refunded"),
        *owned("stored_value_part"),
        belongs("stored_value_part", "stored_value_payment", "payment_id"),
        belongs("stored_value_part", "stored_value", "value_id"),
        sa.CheckConstraint("amount > 0 AND refunded BETWEEN 0 AND amount", name=op.f("ck_stored_value_part_amount")),
    )
    op.create_index("uq_stored_value_part", "stored_value_part", ["tenant_id", "payment_id", "value_id"], unique=True)


def _entries() -> None:
    op.create_table(
        "stored_value_entry",
        sa.Column("value_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        _amount("amount"),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        _instant("at"),
        *owned("stored_value_entry"),
        belongs("stored_value_entry", "stored_value", "value_id"),
        sa.CheckConstraint(
            "kind IN ('issued', 'held', 'released', 'spent', 'refunded', 'expired', 'withdrawn', 'disabled', 'enabled')",
            name=op.f("ck_stored_value_entry_kind"),
        ),
        sa.CheckConstraint(
            "(amount > 0) = (kind NOT IN ('disabled', 'enabled')) AND amount >= 0",
            name=op.f("ck_stored_value_entry_amount"),
        ),
    )
    op.create_index("ix_stored_value_entry_value", "stored_value_entry", ["tenant_id", "value_id", "id"])
    op.create_index("ix_stored_value_entry_reference", "stored_value_entry", ["tenant_id", "reference_id"])
    op.create_table(
        "code_guess",
        sa.Column("failures", sa.BigInteger(), nullable=False),
        _instant("until"),
        *owned("code_guess"),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_code_guess_failures")),
    )


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _instant(name: str, *, default: bool = False, nullable: bool = False) -> sa.Column[object]:
    given = sa.text("now()") if default else None
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), server_default=given, nullable=nullable)
