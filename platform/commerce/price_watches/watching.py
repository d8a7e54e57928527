"""Watching what something on a list costs: a customer asks for it, thing by thing."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

import commerce.price_watches.letters  # noqa: F401  (declared before any is sent)
from commerce.identity import accounts
from commerce.identity.service import Shopper
from commerce.sessions.signing_in import reached_at
from commerce.tenancy.service import Shop
from commerce.wishlists.costing import cost_of
from commerce.wishlists.service import WishNotFound, require_own
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, Unprocessable
from foundation.events import PriceWatchRequested, record
from foundation.outbox import announce

_UNSEEN = timedelta(minutes=1)
"""How long ago a price may have begun that is not there to be seen yet: longer than any statement takes."""


class AddressNeeded(Unprocessable):
    """Sign in to an account whose address is confirmed, so that there is somewhere to tell you."""

    code = "wishlists.address_needed"


class NotSold(Conflict):
    """It is not sold any more, so there is no price to watch."""

    code = "wishlists.not_sold"


# Who watches already goes on by the price that they were told.
_WATCH = hot(
    text(
        """
        UPDATE wishlist_item
        SET watched_locale = :locale, watched_home = :home,
            looked_at = coalesce(looked_at, CAST(:looked_at AS timestamptz)),
            watched_price = coalesce(watched_price, CAST(:price AS bigint))
        WHERE tenant_id = :tenant_id AND wishlist_id = :wishlist_id AND variant_id = :variant_id RETURNING id
        """
    )
)
_STOP = hot(
    text(
        """
        UPDATE wishlist_item
        SET watched_price = NULL, looked_at = NULL, watched_locale = NULL, watched_home = NULL
        WHERE tenant_id = :tenant_id AND wishlist_id = :wishlist_id AND variant_id = :variant_id RETURNING id
        """
    )
)
_ON_IT = hot(
    text(
        """
        SELECT id FROM wishlist_item
        WHERE tenant_id = :tenant_id AND wishlist_id = :wishlist_id AND variant_id = :variant_id
        """
    )
)


async def watch(
    tx: Tx, shop: Shop, shopper: Shopper, wishlist_id: UUID, variant_id: UUID, *, locale: str, home: str
) -> None:
    """Have a customer told when something on their list costs less than it does now.

    Raises:
        WishlistNotFound, WishNotFound, AddressNeeded, NotSold.
    """
    await require_own(tx, shopper, wishlist_id)
    which = {"wishlist_id": wishlist_id, "variant_id": variant_id}
    if await tx.one(_ON_IT, which) is None:
        raise WishNotFound
    customer_id = shopper.customer_id
    account = await accounts.by_customer(tx, customer_id) if customer_id else None
    if account is None or reached_at(account, locale) is None:
        raise AddressNeeded
    cost = await cost_of(tx, variant_id, currency=shop.currency, customer_id=customer_id)
    if cost.price is None:
        raise NotSold
    said = {"price": cost.price, "locale": locale, "home": home, "looked_at": clock.now() - _UNSEEN}
    await tx.rows(_WATCH, {**which, **said})
    fact = PriceWatchRequested(variant_id=variant_id, product_id=cost.product_id)
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=variant_id)])


async def stop(tx: Tx, shopper: Shopper, wishlist_id: UUID, variant_id: UUID) -> None:
    """Tell them of it no more.

    Raises:
        WishlistNotFound, WishNotFound.
    """
    await require_own(tx, shopper, wishlist_id)
    if await tx.one(_STOP, {"wishlist_id": wishlist_id, "variant_id": variant_id}) is None:
        raise WishNotFound
