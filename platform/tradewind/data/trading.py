"""Some days of business at the grocer's till, paid with the test bank's cards, so that its reports can be compared.

The year that is loaded was paid for elsewhere. These orders are placed through the core as shoppers place theirs, each
so many days ago, and the bank's reports since are compared as the worker does every night.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import text

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.cart import service as carts
from commerce.checkout.schemas import Complete
from commerce.checkout.service import Checkout
from commerce.delivery import service as delivery
from commerce.identity import service as identity
from commerce.identity.service import Agreed
from commerce.payments.providers import configured
from commerce.payments.reconciliation.service import reconcile, yesterday
from commerce.payments.schemas import PaymentIn
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, hot
from foundation.events import Consent
from foundation.progress import Progress, silent
from foundation.settings import Settings

SALES = (
    ("4242424242424242", 12),
    ("tok_report_missing", 12),
    ("5555555555554444", 5),
    ("tok_report_amount", 5),
    ("378282246310005", 4),
    ("tok_report_fee", 4),
    ("4000000000000259", 4),
    ("tok_report_unknown", 3),
)
"""Cards, and how many days ago each pays: of those whose name begins with `tok_report` the bank reports amiss."""
_ITEMS, _UNITS = 3, 2
_AGREED_TO: tuple[Consent, ...] = ("analytics", "personalisation")
"""Nobody is asked who is made up."""

_PAID = hot(text("SELECT DISTINCT card FROM test_bank_payment WHERE tenant_id = :tenant_id"))
_PLENTY = hot(
    text(
        """
        SELECT s.variant_id FROM stock s
        JOIN variant v ON v.tenant_id = s.tenant_id AND v.id = s.variant_id
        JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
        WHERE s.tenant_id = :tenant_id AND s.available >= :units AND p.status = 'published'
          AND EXISTS (SELECT FROM price c WHERE c.tenant_id = v.tenant_id AND c.variant_id = v.id AND c.amount >= 200)
        ORDER BY s.available DESC, s.variant_id LIMIT :limit
        """
    )
)


def trade(settings: Settings, slug: str, progress: Progress = silent) -> None:
    """Place the orders that are not there yet, and compare the days since the first of them."""
    asyncio.run(_trade(settings, slug, progress))


async def _trade(settings: Settings, slug: str, progress: Progress) -> None:
    database = Database.of(settings, pool_size=2)
    try:
        async with database.transaction(None) as session:
            shop = next(shop for shop in await tenancy.all_shops(session) if shop.slug == slug)
        providers = configured(database, settings)
        checkout = Checkout(database, providers, timedelta(seconds=settings.reservation_ttl_seconds))
        async with database.tx(shop.id, read_only=True) as tx:
            paid = {row["card"] for row in await tx.rows(_PAID)}
        days = max(days for _, days in SALES)
        steps = len(SALES) + days
        for done, (card, ago) in enumerate(SALES):
            progress(done, steps, "selling")
            if card not in paid:
                await _sell(checkout, shop, card, clock.now() - timedelta(days=ago))
        bank, last = providers.named("test"), yesterday()
        for ago in reversed(range(days)):
            progress(steps - ago, steps, "comparing")
            await reconcile(database, bank, shop.id, last - timedelta(days=ago))
    finally:
        await database.close()


async def _sell(checkout: Checkout, shop: Shop, card: str, when: datetime) -> None:
    with clock.use(lambda: when):
        await _buy(checkout, shop, card)


async def _buy(checkout: Checkout, shop: Shop, card: str) -> None:
    async with checkout.database.tx(shop.id) as tx:
        goods = [row["variant_id"] for row in await tx.rows(_PLENTY, {"units": _UNITS, "limit": _ITEMS})]
        _, shopper = await identity.open_session(tx, ttl=checkout.hold_for, agreed=Agreed(_AGREED_TO, clock.now()))
        cart_id = await carts.opened(tx, shop, shopper)
        for variant_id in goods:
            await carts.add(tx, shopper, cart_id, variant_id=variant_id, quantity=_UNITS, decision_id=None)
        collected = next((method for method in await delivery.methods(tx) if method.kind == "collect"), None)
        if collected is not None:
            await carts.set_delivery(tx, shopper, cart_id, collected.code)
    body = Complete(payment=PaymentIn(token=card))
    await checkout.complete(shop, shopper, cart_id, body)
