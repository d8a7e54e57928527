"""What a cart, a warehouse and a tax return have learnt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tradewind.migrations.security import own_by_tenant
from tradewind.migrations.tables import belongs, owned

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_OF_VARIANT = "SELECT c.tenant_id, v.product_id FROM changed c JOIN variant v ON (v.tenant_id, v.id) = (c.tenant_id, c.variant_id)"
# A page on which somebody may have a price of their own knows it already, and goes on knowing it for a while.
_FIRST_QUOTE = f"""{_OF_VARIANT} WHERE NOT EXISTS (
    SELECT FROM price_quote q WHERE q.tenant_id = c.tenant_id AND q.variant_id = c.variant_id AND q.id <> c.id
                                AND q.expires_at > c.quoted_at + interval ''1 minute'')"""


def upgrade() -> None:
    _offers_are_shown()
    _parcels_leave_a_warehouse()
    _lots_are_recalled_and_come_back()
    _money_is_declared()
    _classes_are_special()
    op.add_column("tax_policy", sa.Column("lower_when_free", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_table("tax_class")
    op.drop_table("tax_entry")
    op.drop_column("tax_policy", "lower_when_free")
    op.drop_index("ix_stock_movement_return", "stock_movement")
    op.drop_column("stock_lot", "recalled_at")
    op.drop_column("fulfilment", "warehouse_id")
    for event in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER catalogue_{event} ON price_offer")
    op.execute("DROP TRIGGER catalogue_insert ON price_quote")
    op.drop_index("ix_price_quote_variant", "price_quote")


def _offers_are_shown() -> None:
    """What a product is offered at is on its page, so its page is told of."""
    op.create_index("ix_price_quote_variant", "price_quote", ["tenant_id", "variant_id", "expires_at"])
    for event, rows in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD")):
        _tell("price_offer", event, rows, _OF_VARIANT)
    _tell("price_quote", "insert", "NEW", _FIRST_QUOTE)


def _parcels_leave_a_warehouse() -> None:
    """A parcel is of one warehouse. Of those sent before, the movements that took the units out say which it was."""
    op.add_column("fulfilment", sa.Column("warehouse_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_fulfilment_tenant_id_warehouse_id"),
        "fulfilment",
        "warehouse",
        ["tenant_id", "warehouse_id"],
        ["tenant_id", "id"],
    )
    tables = ("fulfilment", "stock_movement", "stock")
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        """
        UPDATE fulfilment f SET warehouse_id = m.warehouse_id
        FROM (SELECT m.tenant_id, m.reference_id, min(s.warehouse_id::text)::uuid AS warehouse_id
              FROM stock_movement m JOIN stock s ON s.tenant_id = m.tenant_id AND s.id = m.stock_id
              WHERE m.kind = 'sell' GROUP BY m.tenant_id, m.reference_id
              HAVING count(DISTINCT s.warehouse_id) = 1) m
        WHERE f.tenant_id = m.tenant_id AND f.id = m.reference_id
        """
    )
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _lots_are_recalled_and_come_back() -> None:
    op.add_column("stock_lot", sa.Column("recalled_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_stock_lot_recalled",
        "stock_lot",
        ["tenant_id", "id"],
        postgresql_where=sa.text("recalled_at IS NOT NULL AND (available > 0 OR reserved > 0)"),
    )
    op.create_index(
        "ix_stock_movement_return",
        "stock_movement",
        ["tenant_id", "reference_id"],
        postgresql_where=sa.text("kind = 'take_back'"),
    )


def _money_is_declared() -> None:
    op.create_table(
        "tax_entry",
        *owned("tax_entry"),
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("currency", "country", "scheme", "name", "rate")),
        sa.Column("taxable", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        belongs("tax_entry", "ledger_posting", "posting_id"),
        belongs("tax_entry", "orders", "order_id"),
    )
    keys = ["tenant_id", "posting_id", "country", "scheme", "name", "rate"]
    op.create_index("uq_tax_entry", "tax_entry", keys, unique=True)
    op.create_index("ix_tax_entry_order", "tax_entry", ["tenant_id", "order_id"])
    op.create_index("ix_tax_entry_occurred", "tax_entry", ["tenant_id", "occurred_at"])
    own_by_tenant("tax_entry", append_only=True)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tax_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _classes_are_special() -> None:
    op.create_table(
        "tax_class",
        *owned("tax_class"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, server_default="goods"),
        sa.Column("reverse_charge", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.CheckConstraint("kind IN ('goods', 'service', 'digital')", name=op.f("ck_tax_class_kind")),
    )
    op.create_index("uq_tax_class_code", "tax_class", ["tenant_id", "code"], unique=True)
    own_by_tenant("tax_class")


def _tell(table: str, event: str, rows: str, about: str) -> None:
    op.execute(
        f"CREATE TRIGGER catalogue_{event} AFTER {event.upper()} ON {table} REFERENCING {rows} TABLE AS changed "
        f"FOR EACH STATEMENT EXECUTE FUNCTION tell_catalogue_changed('{about}')"
    )
