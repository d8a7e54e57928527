"""A shop's till and back office for tests of its service interface: carts are filled and paid, orders looked after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from commerce.cart import service as carts
from commerce.checkout.notifications import Notifications
from commerce.checkout.schemas import Complete, PartIn
from commerce.checkout.service import Checkout
from commerce.identity import service as identity
from commerce.identity.service import Agreed, Shopper
from commerce.orders import reading
from commerce.orders.held import Actor
from commerce.orders.money import Money
from commerce.orders.paying import Additional
from commerce.orders.schemas import OrderOut, StaffOrderOut
from commerce.payments import signatures
from commerce.payments.providers import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    GiftCards,
    Providers,
    ProviderUnavailable,
    Refunded,
    Refused,
    Reimbursement,
    StoreCredit,
    TestProvider,
)
from commerce.payments.providers.deferred import CashOnDelivery
from commerce.payments.schemas import Waiting
from commerce.stored_value import service as stored_value
from commerce.stored_value.schemas import GiftCardIn
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database
from foundation.ids import new_id
from tests.factories import WITHOUT_LIMIT, SeededShop, owner

AGREED = Agreed(("analytics", "personalisation"), datetime(2026, 1, 1, tzinfo=UTC))
"""What the shoppers of the desk agree to, so that what they do is recorded."""

SOON = timedelta(minutes=15)
STAFF = Actor("staff", "staff:Back office")


class Crash(BaseException):
    """The process dies here."""


class Bank(TestProvider):
    """The test provider with books of its own: what it holds, took and gave back, and calls that go wrong.

    A call named in `lost` does its work and its answer is lost; one named in `away` does nothing; at one in `deadly` the
    process dies after the work is done. `tok_challenge` asks the shopper to act; `answer` says what came of it. What
    `tok_expires` holds can't be captured.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[UUID, int] = {}
        self.taken: dict[UUID, int] = {}
        self.given: dict[UUID, int] = {}
        self.asked_to_act: dict[UUID, bool | None] = {}
        self.expiring: set[UUID] = set()
        self.lost: set[str] = set()
        self.away: set[str] = set()
        self.deadly: set[str] = set()

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        self._absent("authorise")
        if charge.token == "tok_challenge":
            self.asked_to_act[charge.payment_id] = None
            answer = self._challenge(charge)
        else:
            if charge.token == "tok_expires":
                self.expiring.add(charge.payment_id)
                charge = replace(charge, token="tok_ok")
            answer = await super().authorise(charge)
            if isinstance(answer, Authorised):
                self.held[charge.payment_id] = charge.amount
        self._lose("authorise")
        return answer

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        self._absent("resume")
        if charge.payment_id in self.asked_to_act:
            answer = self._challenge(charge)
        elif charge.payment_id in self.held or charge.payment_id in self.taken:
            answer = Authorised(f"test_{charge.payment_id.hex}")
        else:
            answer = NEVER_ASKED
        self._lose("resume")
        return answer

    def answer(self, payment_id: UUID, *, approved: bool) -> None:
        """The shopper has done what was asked; once, like a bank."""
        if self.asked_to_act.get(payment_id, True) is None:
            self.asked_to_act[payment_id] = approved

    def _challenge(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        reference = f"test_{charge.payment_id.hex}"
        match self.asked_to_act[charge.payment_id]:
            case None:
                return ActionRequired(reference, "https://bank.example/challenge")
            case False:
                return Refused("challenge_failed")
        if charge.payment_id not in self.taken:
            self.held[charge.payment_id] = charge.amount
        return Authorised(reference)

    async def capture(self, charge: Charge) -> Captured | Refused:
        self._absent("capture")
        payment_id, amount = charge.payment_id, charge.amount
        if payment_id in self.expiring:
            self.held.pop(payment_id, None)
            return Refused("authorisation_expired")
        assert payment_id not in self.taken or self.taken[payment_id] == amount
        assert self.held.pop(payment_id, amount) == amount
        self.taken[payment_id] = amount
        self._lose("capture")
        return Captured(charge.reference or "")

    async def void(self, charge: Charge) -> None:
        self._absent("void")
        assert charge.payment_id not in self.taken
        self.held.pop(charge.payment_id, None)
        if charge.payment_id in self.asked_to_act:
            self.asked_to_act[charge.payment_id] = False
        self._lose("void")

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        self._absent("refund")
        answer = await super().refund(refund)
        if isinstance(answer, Refunded):
            assert self.given.setdefault(refund.refund_id, refund.amount) == refund.amount
        self._lose("refund")
        return answer

    def _absent(self, call: str) -> None:
        if call in self.away:
            raise ProviderUnavailable

    def _lose(self, call: str) -> None:
        if call in self.deadly:
            raise Crash
        if call in self.lost:
            raise ProviderUnavailable


class GiftCardCode(str):
    """A token that is the code of a gift card."""

    __slots__ = ()


def _provider(token: str) -> str:
    if isinstance(token, GiftCardCode):
        return "gift_card"
    return "cod" if token == "cash" else "test"


class Desk:
    """One shop's service interface."""

    def __init__(self, database: Database, seeded: SeededShop, shop: Shop, bank: Bank) -> None:
        self.database, self.seeded, self.shop, self.bank = database, seeded, shop, bank
        providers = Providers(bank, GiftCards(database), StoreCredit(database), CashOnDelivery(database))
        self.checkout = Checkout(database, providers, SOON)
        self.money = Money(database, providers)
        self.additional = Additional(database, providers)
        self.notifications = Notifications(self.checkout)

    @classmethod
    async def at(cls, database: Database, seeded: SeededShop) -> Desk:
        """The desk of a seeded shop."""
        async with database.transaction(None) as session:
            shop = await tenancy.find_by_host(session, seeded.host)
        assert shop is not None
        return cls(database, seeded, shop, Bank())

    async def shopper(self) -> Shopper:
        """Somebody new."""
        async with self.database.tx(self.shop.id) as tx:
            _, shopper = await identity.open_session(tx, ttl=SOON, agreed=AGREED)
        return shopper

    async def cart(self, shopper: Shopper, quantities: Sequence[int]) -> UUID:
        """A cart with so many of each of the first products."""
        async with self.database.tx(self.shop.id) as tx:
            cart_id = await carts.opened(tx, self.shop, shopper)
            for sold, quantity in zip(self.seeded.products, quantities, strict=False):
                if quantity:
                    await carts.add(
                        tx, shopper, cart_id, variant_id=sold.variant_id, quantity=quantity, decision_id=None
                    )
        return cart_id

    async def pay(self, shopper: Shopper, cart_id: UUID, token: str = "tok_ok") -> OrderOut:
        """Complete a cart."""
        order = await self.try_to_pay(shopper, cart_id, token)
        assert isinstance(order, OrderOut)
        return order

    async def try_to_pay(self, shopper: Shopper, cart_id: UUID, *tokens: str) -> OrderOut | Waiting:
        """Complete a cart with one payment, or with several, of which each but the last pays 50."""
        parts = [PartIn(provider=_provider(token), token=token, amount=50) for token in tokens]
        parts[-1] = parts[-1].model_copy(update={"amount": None})
        body = Complete(payments=parts, email="a@b.example")
        return await self.checkout.complete(self.shop, shopper, cart_id, body)

    async def hear(self, kind: str, payment_id: UUID, **said: object) -> None:
        """The bank tells the shop of a payment."""
        now = clock.now()
        about = {"kind": kind, "occurred_at": now.isoformat(), "payment_id": payment_id, **said}
        body = json.dumps(about, default=str).encode()
        headers = signatures.sign("", str(new_id()), body, at=now)
        await self.notifications.take(self.shop.id, "test", headers, body)

    async def gift_card(self, amount: int) -> GiftCardCode:
        """The code of a new gift card."""
        async with self.database.tx(self.shop.id) as tx:
            _, code = await stored_value.issue_gift_card(
                tx, self.shop, GiftCardIn(amount=amount), actor=STAFF.name, giver=WITHOUT_LIMIT
            )
        return GiftCardCode(code)

    async def on_cards(self) -> tuple[int, int, int]:
        """What all gift cards together have available, held and spent."""
        async with self.database.tx(self.shop.id, read_only=True) as tx:
            rows = await tx.connection.fetch(
                "SELECT sum(available)::bigint, sum(held)::bigint, sum(spent)::bigint FROM stored_value"
            )
        return tuple(rows[0])

    async def order(self, *quantities: int, token: str = "tok_ok") -> StaffOrderOut:
        """A paid order with so many of each of the first products."""
        shopper = await self.shopper()
        order = await self.pay(shopper, await self.cart(shopper, quantities), token)
        return await self.look(order.id)

    async def look(self, order_id: UUID) -> StaffOrderOut:
        """The order as it stands."""
        async with self.database.tx(self.shop.id, read_only=True) as tx:
            return await reading.for_staff(tx, order_id, owner(self.shop.id))
