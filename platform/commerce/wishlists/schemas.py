"""Wishlists in and out."""

from __future__ import annotations

from datetime import datetime

from commerce.cart.schemas import SoldToday
from foundation.types import Currency, Id, Input, Model, Quantity, Text


class WishlistIn(Input):
    """What a list is called."""

    name: Text


class WishIn(Input):
    """How many are wished for."""

    quantity: Quantity = 1


class SharedWishOut(SoldToday):
    """Something on a list that somebody shared."""

    added_at: datetime


class WishOut(SharedWishOut):
    """Something on a list of one's own."""

    added_price: int | None
    """What one of it cost when it was added, in minor units; `null` where that was not kept."""
    watched: bool
    """A fall of its price is told."""


class WishlistSummary(Model):
    """A list, without what is on it."""

    id: Id
    name: str
    items: int
    """How many different things are on it."""
    shared: bool
    created_at: datetime


class Wishlists(Model):
    """A shopper's lists, the oldest first."""

    items: list[WishlistSummary]


class WishlistOut(Model):
    """A list of the shopper's own."""

    id: Id
    name: str
    currency: Currency
    items: list[WishOut]
    """The last added first."""
    share_token: str | None
    """Whoever has it sees the list; `None` while it isn't shared."""
    created_at: datetime


class SharedWishlistOut(Model):
    """A list as those see it whom its holder gave the link."""

    name: str
    currency: Currency
    items: list[SharedWishOut]
