"""Gift cards and store credit do what any provider must."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from commerce.payments.providers import Charge, GiftCards, StoreCredit
from commerce.stored_value import service
from commerce.stored_value.schemas import GiftCardIn, GrantIn
from commerce.tenancy.service import Shop
from foundation.database import Database
from tests.commerce.desk import Desk
from tests.commerce.invariants import all_faults
from tests.commerce.providers.conformance import CURRENCIES, Conformance, Counter
from tests.factories import WITHOUT_LIMIT, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

PLENTY = 10**9


@dataclass
class Own(Counter):
    """A counter at which each currency has a card of its own, and one customer pays."""

    cards: dict[str, str] = field(default_factory=dict)
    customer_id: UUID | None = None

    def charge(self, **said: Any) -> Charge:
        card = self.cards.get(said.get("currency", "EUR"), self.token)
        return super().charge(**{"token": card, "customer_id": self.customer_id, **said})


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    database = Database(database_urls.app, pool_size=2)
    desk = await Desk.at(database, seed_shop(database_urls, "own"))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


class TestGiftCards(Conformance):
    @pytest.fixture
    async def at(self, desk: Desk) -> Counter:
        async with desk.database.tx(desk.shop.id) as tx:
            cards = {currency: await self.card(tx, desk.shop, currency) for currency in CURRENCIES}
        return Own(
            GiftCards(desk.database),
            cards["EUR"],
            refused_token="0000-0000-0000-0000",
            tenant_id=desk.shop.id,
            cards=cards,
        )

    async def card(self, tx: Any, shop: Shop, currency: str) -> str:
        body = GiftCardIn(amount=PLENTY, currency=currency)
        return (await service.issue_gift_card(tx, shop, body, actor="staff:A", giver=WITHOUT_LIMIT))[1]


class TestStoreCredit(Conformance):
    @pytest.fixture
    async def at(self, desk: Desk) -> Counter:
        async with desk.database.tx(desk.shop.id) as tx:
            rows = await tx.connection.fetch("SELECT id FROM customer ORDER BY reference")
            for currency in CURRENCIES:
                for _ in range(2):
                    body = GrantIn(amount=PLENTY, currency=currency, reason="x")
                    await service.grant(tx, desk.shop, rows[0]["id"], body, actor="staff:A", giver=WITHOUT_LIMIT)
        return Own(
            StoreCredit(desk.database), "own", refused_token="", tenant_id=desk.shop.id, customer_id=rows[0]["id"]
        )

    async def test_a_refusal_has_a_reason_and_holds_nothing(self, at: Counter) -> None:
        at.customer_id = None  # type: ignore[attr-defined]
        await super().test_a_refusal_has_a_reason_and_holds_nothing(at)
