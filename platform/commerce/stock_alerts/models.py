"""Who waits for a variant to be there again."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, belongs_to

_WAITING = "told_at IS NULL"


class StockAlert(TenantOwned, Base):
    """Somebody who wants to be told once. Ids are made in the order of asking."""

    __tablename__ = "stock_alert"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        Index("ix_stock_alert_variant", "tenant_id", "variant_id", "told_at", "id"),
        Index("ix_stock_alert_waiting", "tenant_id", "variant_id", postgresql_where=text(_WAITING)),
        Index("ix_stock_alert_customer", "tenant_id", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
        Index(
            "uq_stock_alert_customer",
            "tenant_id",
            "variant_id",
            "customer_id",
            unique=True,
            postgresql_where=text(f"{_WAITING} AND customer_id IS NOT NULL"),
        ),
        Index(
            "uq_stock_alert_address",
            "tenant_id",
            "variant_id",
            "email_digest",
            unique=True,
            postgresql_where=text(f"{_WAITING} AND email_digest IS NOT NULL"),
        ),
        Index("ix_stock_alert_address", "tenant_id", "email_digest", postgresql_where=text("email_digest IS NOT NULL")),
        Index("uq_stock_alert_token_hash", "tenant_id", "token_hash", unique=True),
    )

    variant_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    """Who is told as their account is reached; without one a mail goes to the address."""
    email: Mapped[Str | None]
    """An address that was proved, sealed by the key of the row."""
    email_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the link that proved the address: whoever has it can stop waiting."""
    locale: Mapped[Str]
    home: Mapped[Str]
    """The shop's address, for the link in the mail."""
    asked_at: Mapped[Timestamp]
    told_at: Mapped[Timestamp | None]
