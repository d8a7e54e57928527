"""What a visitor has done comes along when they sign in."""

from __future__ import annotations

from commerce.cart import saved
from commerce.cart import service as carts
from commerce.identity.service import Shopper
from commerce.wishlists import service as wishlists
from foundation.database import Tx


async def bring_along(tx: Tx, *, visitor: Shopper, shopper: Shopper) -> None:
    """A visitor's cart, wishlists and what they kept for later are the customer's from now on."""
    await saved.adopt(tx, visitor=visitor, shopper=shopper)
    await wishlists.adopt(tx, visitor=visitor, shopper=shopper)
    await carts.adopt(tx, visitor=visitor, shopper=shopper)
