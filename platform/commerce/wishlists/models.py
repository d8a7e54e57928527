"""Wishlists and what is on them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class Wishlist(TenantOwned, Base):
    """A list of a customer's, or of a visitor's until they sign in."""

    __tablename__ = "wishlist"
    __table_args__ = (
        Index("ix_wishlist_holder", "tenant_id", "holder_id"),
        Index("uq_wishlist_token_hash", "tenant_id", "token_hash", unique=True),
    )

    holder_id: Mapped[UUID]
    """The customer, or the visitor."""
    name: Mapped[Str]
    """Sealed: people name others in it."""
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the link it is shared by, if it is."""
    token: Mapped[Str | None]
    """The link's token, sealed, for its holder to see again."""
    created_at: Mapped[Timestamp]


class WishlistItem(TenantOwned, Base):
    """A variant on a list."""

    __tablename__ = "wishlist_item"
    __table_args__ = (
        belongs_to("wishlist", "wishlist_id", ondelete="CASCADE"),
        belongs_to("variant", "variant_id"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="quantity"),
        Index("uq_wishlist_item_variant", "tenant_id", "wishlist_id", "variant_id", unique=True),
        Index("ix_wishlist_item_variant", "tenant_id", "variant_id"),
        Index(
            "ix_wishlist_item_watched",
            "tenant_id",
            "variant_id",
            postgresql_where=text("watched_price IS NOT NULL"),
        ),
        CheckConstraint("(watched_price IS NULL) = (looked_at IS NULL)", name="watched"),
    )

    wishlist_id: Mapped[UUID]
    variant_id: Mapped[UUID]
    quantity: Mapped[Units]
    added_at: Mapped[Created]
    added_price: Mapped[Minor | None]
    """What one of it cost its holder then, in the shop's currency."""
    watched_price: Mapped[Minor | None]
    """What one of it cost when its holder was last told, or began to watch it; nobody watches it without."""
    looked_at: Mapped[Timestamp | None]
    """When the price began that was last compared with that."""
    watched_locale: Mapped[Str | None]
    watched_home: Mapped[Str | None]
    """The shop's address, for the link in the mail."""
