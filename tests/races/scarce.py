"""Two who want what is there once: a unit, a gift card that is good for one of them, what a vendor is due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial

from commerce.inventory import service as inventory
from commerce.inventory.service import StockLine
from commerce.orders import fulfilling
from commerce.payments.providers import Authorised, Charge, GiftCards
from commerce.vendors import paying
from commerce.vendors import service as vendors
from commerce.vendors.schemas import VendorIn
from foundation import clock
from foundation.ids import new_id
from tests.commerce.desk import SOON, STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.races.exploring import Do
from tests.races.site import STOCK, Site, told_of


@dataclass(frozen=True, slots=True)
class OneHolds:
    """Two who hold what is there once, in one transaction each: one holds it, and nothing else is held."""

    desk: Desk
    hands: tuple[Do, Do]
    held: Callable[[Desk], Awaitable[int]]
    once: int

    async def faults(self, answers: Sequence[str]) -> list[str]:
        """What is wrong."""
        held = await self.held(self.desk)
        wrong = [] if answers.count("done") == 1 else ["not one of them holds it"]
        return wrong if held == self.once else [*wrong, f"{held} is held"]


async def one_unit(site: Site) -> OneHolds:
    """Two carts reserve the last unit."""
    desk, sold = site.desk, site.desk.seeded.products[0]
    line, until = StockLine(sold.variant_id, sold.product_id, STOCK), clock.now() + SOON

    async def reserve() -> None:
        async with desk.database.tx(desk.shop.id) as tx:
            await inventory.reserve(tx, new_id(), [line], until=until)

    async def held(desk: Desk) -> int:
        async with desk.database.tx(desk.shop.id) as tx:
            rows = await tx.connection.fetch("SELECT sum(quantity)::bigint AS units FROM reservation")
            balances = await tx.connection.fetch("SELECT reserved FROM stock WHERE variant_id = $1", sold.variant_id)
        assert rows[0]["units"] == balances[0]["reserved"]
        units: int = rows[0]["units"]
        return units

    return OneHolds(desk, (partial(told_of, reserve), partial(told_of, reserve)), held, STOCK)


async def one_card(site: Site) -> OneHolds:
    """Two payments hold one gift card that is good for one of them."""
    desk, amount = site.desk, 500
    code = await desk.gift_card(amount)
    cards = GiftCards(desk.database)

    async def hold() -> str:
        charge = Charge(desk.shop.id, new_id(), amount, desk.shop.currency, code)
        return "done" if isinstance(await cards.authorise(charge), Authorised) else "refused"

    async def held(desk: Desk) -> int:
        return (await desk.on_cards())[1]

    return OneHolds(desk, (hold, hold), held, amount)


async def one_payout(site: Site) -> OneHolds:
    """Two members of staff pay a vendor what is due."""
    desk, mill = site.desk, VendorIn(name="The Mill", commission_rate=Decimal(0), commission_fee=0)
    sold = desk.seeded.products[0]
    async with desk.database.tx(desk.shop.id) as tx:
        await vendors.put(tx, "mill", mill)
        await vendors.assign(tx, "mill", [sold.product_id])
    order = await desk.order(3)
    async with desk.database.tx(desk.shop.id) as tx:
        await fulfilling.fulfil(tx, order.id, STAFF)

    async def pay() -> None:
        async with desk.database.tx(desk.shop.id) as tx:
            await paying.pay_out(tx, "mill", sent_before=clock.now() + timedelta(days=1))

    async def paid(desk: Desk) -> int:
        async with desk.database.tx(desk.shop.id) as tx:
            rows = await tx.connection.fetch("SELECT sum(amount)::bigint AS paid FROM vendor_payout")
        amount: int = rows[0]["paid"]
        return amount

    return OneHolds(desk, (partial(told_of, pay), partial(told_of, pay)), paid, 3 * sold.price)


@dataclass(frozen=True, slots=True)
class ForTheLast:
    """Two shoppers who want what is there once: one has it."""

    desk: Desk
    hands: tuple[Do, Do]
    codes: frozenset[str]
    """What the other may be told."""
    on_cards: tuple[int, int, int] | None = None

    async def faults(self, answers: Sequence[str]) -> list[str]:
        """What is wrong."""
        wrong = await all_faults(self.desk.database, self.desk.seeded)
        if answers.count("done") != 1 or not self.codes & set(answers):
            wrong.append("not one of them has it")
        if self.on_cards is not None and await self.desk.on_cards() != self.on_cards:
            wrong.append(f"the card has {await self.desk.on_cards()}")
        return wrong


async def the_last_unit(site: Site) -> ForTheLast:
    """Two shoppers, one unit: both complete their carts."""
    desk = site.desk
    carts = [(shopper := await desk.shopper(), await desk.cart(shopper, [1])) for _ in range(2)]
    await desk.order(STOCK - 1)
    one, two = (partial(told_of, desk.try_to_pay, shopper, cart_id, "tok_ok") for shopper, cart_id in carts)
    return ForTheLast(desk, (one, two), frozenset({"inventory.out_of_stock", "checkout.requirements_unmet"}))


async def one_gift_card(site: Site) -> ForTheLast:
    """Two carts, one gift card that is good for one of them."""
    desk, price, left = site.desk, 500, 99
    code = await desk.gift_card(price + left)
    carts = [(shopper := await desk.shopper(), await desk.cart(shopper, [3, 1])) for _ in range(2)]
    one, two = (partial(told_of, desk.try_to_pay, shopper, cart_id, code) for shopper, cart_id in carts)
    return ForTheLast(desk, (one, two), frozenset({"payments.refused"}), (left, 0, price))
