"""Stock under contention and after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from commerce.cart import service as carts
from commerce.checkout.schemas import Complete
from commerce.checkout.service import Checkout
from commerce.identity import service as identity
from commerce.identity.service import Shopper
from commerce.inventory import keeping
from commerce.inventory import service as inventory
from commerce.inventory.schemas import ReceiptIn
from commerce.inventory.service import OutOfStock, StockLine
from commerce.payments.providers import Authorised, Captured, Charge, Providers, TestProvider
from commerce.payments.schemas import PaymentIn
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database
from foundation.ids import new_id
from tests.factories import SeededShop, seed_shop
from tests.waiting import others_wait

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SOON = timedelta(minutes=15)


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(database_urls.app, pool_size=10)
    yield database
    await database.close()


async def _shop(database: Database, seeded: SeededShop) -> Shop:
    async with database.transaction(None) as session:
        shop = await tenancy.find_by_host(session, seeded.host)
    assert shop is not None
    return shop


async def test_the_last_units_go_to_as_many_buyers_as_there_are(
    database: Database, database_urls: DatabaseUrls, rows: Any
) -> None:
    seeded = seed_shop(database_urls, "hot", stock=7)
    sold = seeded.products[0]

    async def buy() -> bool:
        async with database.tx(seeded.id) as tx:
            line = StockLine(sold.variant_id, sold.product_id, 1)
            try:
                await inventory.reserve(tx, new_id(), [line], until=clock.now() + SOON)
            except OutOfStock:
                return False
        return True

    bought = await asyncio.gather(*(buy() for _ in range(30)))
    assert sum(bought) == 7


async def test_two_lines_of_one_variant_share_its_stock(database: Database, database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "hot", stock=3)
    sold = seeded.products[0]
    line = StockLine(sold.variant_id, sold.product_id, 2)
    with pytest.raises(OutOfStock) as refused:
        async with database.tx(seeded.id) as tx:
            await inventory.reserve(tx, new_id(), [line, line], until=clock.now() + SOON)
    assert (refused.value.requested, refused.value.available) == (4, 3)


async def test_a_line_that_no_warehouse_has_alone_is_taken_from_as_few_as_will_do(
    database: Database, database_urls: DatabaseUrls, rows: Any
) -> None:
    seeded = seed_shop(database_urls, "spread", stock=4)
    sold = seeded.products[0]
    async with database.tx(seeded.id) as tx:
        for code, units in (("north", 6), ("south", 3)):
            warehouse = new_id()
            await tx.connection.execute(
                "INSERT INTO warehouse (tenant_id, id, code, name) VALUES ($1, $2, $3, $3)", seeded.id, warehouse, code
            )
            await keeping.receive(tx, ReceiptIn(sku="SKU0", warehouse=code, quantity=units))

    async def reserve(quantity: int) -> list[int]:
        holder = new_id()
        line = StockLine(sold.variant_id, sold.product_id, quantity)
        async with database.tx(seeded.id) as tx:
            await inventory.reserve(tx, holder, [line], until=clock.now() + SOON)
            held = await tx.connection.fetch("SELECT quantity FROM reservation WHERE holder_id = $1", holder)
            assert await keeping.discrepancies(tx) == []
        return sorted((row["quantity"] for row in held), reverse=True)

    with pytest.raises(OutOfStock) as refused:
        await reserve(14)
    assert refused.value.available == 13
    assert await reserve(9) == [6, 3]
    assert await reserve(3) == [3]
    assert await reserve(1) == [1]


async def test_a_rush_for_what_the_second_warehouse_has_does_not_deadlock(database_urls: DatabaseUrls) -> None:
    database = Database(database_urls.app, pool_size=16)
    seeded = seed_shop(database_urls, "rush", stock=0)
    sold = seeded.products[0]
    async with database.tx(seeded.id) as tx:
        await tx.connection.execute(
            "INSERT INTO warehouse (tenant_id, id, code, name) VALUES ($1, $2, 'north', 'North')", seeded.id, new_id()
        )

    async def buy() -> bool:
        line = StockLine(sold.variant_id, sold.product_id, 2)
        async with database.tx(seeded.id) as tx:
            try:
                await inventory.reserve(tx, new_id(), [line], until=clock.now() + SOON)
            except OutOfStock:
                return False
        return True

    for _ in range(12):
        async with database.tx(seeded.id) as tx:
            await keeping.receive(tx, ReceiptIn(sku="SKU0", warehouse="north", quantity=2))
        assert sum(await asyncio.gather(*(buy() for _ in range(16)))) == 1
    await database.close()


async def test_carts_that_want_the_same_things_in_another_order_do_not_deadlock(
    database: Database, database_urls: DatabaseUrls
) -> None:
    seeded = seed_shop(database_urls, "hot", stock=1000)
    lines = [StockLine(sold.variant_id, sold.product_id, 1) for sold in seeded.products[:3]]

    async def buy(asked: list[StockLine]) -> None:
        async with database.tx(seeded.id) as tx:
            await inventory.reserve(tx, new_id(), asked, until=clock.now() + SOON)

    # Both have to wait half way: whoever had begun at the other end would hold what the first wants last.
    async with database.tx(seeded.id) as tx:
        await tx.connection.execute("SELECT FROM stock WHERE variant_id = $1 FOR UPDATE", lines[1].variant_id)
        buying = [asyncio.create_task(buy(asked)) for asked in (lines, lines[::-1])]
        await others_wait(tx, 2)
    await asyncio.gather(*buying)

    async with database.tx(seeded.id) as tx:
        left = await inventory.availability(tx, [line.variant_id for line in lines])
    assert set(left.values()) == {998}


async def test_what_is_held_too_long_is_given_back_once(database: Database, database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "hot", stock=5)
    sold = seeded.products[0]
    async with database.tx(seeded.id) as tx:
        line = StockLine(sold.variant_id, sold.product_id, 5)
        await inventory.reserve(tx, new_id(), [line], until=clock.now() - SOON)
        assert await inventory.sold_out_products(tx) == [str(sold.product_id)]

    async def sweep() -> int:
        async with database.tx(seeded.id) as tx:
            return await inventory.release_expired(tx)

    assert sum(await asyncio.gather(sweep(), sweep(), sweep())) == 1
    async with database.tx(seeded.id) as tx:
        assert await inventory.availability(tx, [sold.variant_id]) == {sold.variant_id: 5}


async def test_an_order_takes_all_that_was_held_or_nothing(database: Database, database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "late", stock=5)
    holder = new_id()
    lines = [StockLine(sold.variant_id, sold.product_id, 2) for sold in seeded.products[:2]]
    async with database.tx(seeded.id) as tx:
        await inventory.reserve(tx, holder, lines, until=clock.now() - SOON)
        assert await inventory.release_expired(tx, limit=1) == 1
    async with database.tx(seeded.id) as tx:
        assert not await inventory.claim(tx, holder, new_id(), units=4)


class _Crash(BaseException):
    """The process dies here."""


class _Dying(TestProvider):
    """A provider during whose call the process dies."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.cancelled: list[object] = []
        self.captured: list[object] = []

    async def authorise(self, charge: Charge) -> Authorised:
        if self.at == "authorise":
            raise _Crash
        return Authorised("ref")

    async def capture(self, charge: Charge) -> Captured:
        if self.at == "capture":
            raise _Crash
        self.captured.append(charge.payment_id)
        return Captured("ref")

    async def void(self, charge: Charge) -> None:
        self.cancelled.append(charge.payment_id)


async def _cart(database: Database, shop: Shop, seeded: SeededShop) -> tuple[Shopper, Any]:
    async with database.tx(shop.id) as tx:
        _, shopper = await identity.open_session(tx, ttl=SOON)
        cart_id = await carts.opened(tx, shop, shopper)
        variant_id = seeded.products[0].variant_id
        await carts.add(tx, shopper, cart_id, variant_id=variant_id, quantity=2, decision_id=None)
        return shopper, cart_id


@pytest.mark.parametrize(
    ("died_at", "stock_left", "cart_status", "orders"), [("authorise", 5, "open", 0), ("capture", 3, "completed", 1)]
)
async def test_a_crash_is_driven_to_a_definite_end(
    database: Database, database_urls: DatabaseUrls, died_at: str, stock_left: int, cart_status: str, orders: int
) -> None:
    seeded = seed_shop(database_urls, "hot", stock=5)
    shop = await _shop(database, seeded)
    shopper, cart_id = await _cart(database, shop, seeded)
    body = Complete(payment=PaymentIn(token="tok_ok"))
    with pytest.raises(_Crash):
        await Checkout(database, Providers(_Dying(died_at)), SOON).complete(shop, shopper, cart_id, body)

    alive = _Dying("never")
    recovery = Checkout(database, Providers(alive), SOON)
    later = clock.now() + timedelta(minutes=5)
    with clock.use(lambda: later):
        assert await recovery.recover(shop, older_than=timedelta(minutes=2)) == 1
        assert await recovery.recover(shop, older_than=timedelta(minutes=2)) == 0

    assert (len(alive.cancelled), len(alive.captured)) == (1 - orders, orders)
    async with database.tx(shop.id) as tx:
        left = await inventory.availability(tx, [seeded.products[0].variant_id])
        cart = await carts.get(tx, shopper, cart_id)
    assert list(left.values()) == [stock_left]
    assert cart.status == cart_status
