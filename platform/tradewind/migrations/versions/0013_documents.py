"""Invoices and credit notes with gapless numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document_issuer",
        sa.Column("invoice_on", sa.Text(), nullable=False),
        sa.Column("invoice_prefix", sa.Text(), nullable=False),
        sa.Column("credit_note_prefix", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        *owned("document_issuer"),
        sa.CheckConstraint("invoice_on IN ('captured', 'sent')", name=op.f("ck_document_issuer_invoice_on")),
    )
    op.create_index("uq_document_issuer", "document_issuer", ["tenant_id"], unique=True)
    op.create_table(
        "document_counter",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        *owned("document_counter"),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("ck_document_counter_kind")),
        sa.CheckConstraint("last > 0", name=op.f("ck_document_counter_last")),
    )
    op.create_index("uq_document_counter", "document_counter", ["tenant_id", "kind", "year"], unique=True)
    _documents()
    own_by_tenant("document_issuer", "document_counter")
    own_by_tenant("document", append_only=True)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON document "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _documents() -> None:
    op.execute(
        """
        CREATE FUNCTION document_adds_up(data jsonb, net bigint, tax bigint, total bigint) RETURNS boolean
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
            SELECT (coalesce(sum((part->>'net')::bigint), 0), coalesce(sum((part->>'tax')::bigint), 0),
                    coalesce(sum((part->>'total')::bigint), 0)) = (net, tax, total)
            FROM jsonb_array_elements(data->'parts') part
        ) AND (
            SELECT coalesce(sum((levied->>'amount')::bigint), 0) = tax FROM jsonb_array_elements(data->'taxes') levied
        )
        """
    )
    op.create_table(
        "document",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        *owned("document"),
        belongs("document", "orders", "order_id"),
        belongs("document", "document", "invoice_id"),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("ck_document_kind")),
        sa.CheckConstraint("(kind = 'credit_note') = (invoice_id IS NOT NULL)", name=op.f("ck_document_invoice")),
        sa.CheckConstraint(
            "total = net + tax AND document_adds_up(data, net, tax, total)", name=op.f("ck_document_sums")
        ),
    )
    op.create_index("uq_document_sequence", "document", ["tenant_id", "kind", "year", "sequence"], unique=True)
    op.create_index("uq_document_number", "document", ["tenant_id", "number"], unique=True)
    op.create_index("ix_document_order", "document", ["tenant_id", "order_id", "id"])
