"""What is done to a shop's stock while it sells: the rules of stock-keeping for the machine that looks after orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from commerce.inventory import bundles, expiry, keeping, policies, transfers, warehouses
from commerce.inventory import service as inventory
from commerce.inventory.promises import keep_what_came_in
from commerce.inventory.schemas import (
    ArrivalIn,
    BundleIn,
    ComponentIn,
    CountIn,
    DispatchIn,
    PolicyIn,
    ReceiptIn,
    WarehouseIn,
    WriteOffIn,
)
from foundation import clock
from foundation.database import Tx
from tests.factories import owner

BOX, BREAD = 3, 2
"""The places of the product that is a bundle and of the one that comes in lots."""
DAYS_GOOD = {"A": 1, "B": 30}
EVERY_DEED = {
    "a lot came in",
    "a lot expired",
    "a lot was recalled",
    "whoever got units of a lot was found",
    "a lot was written off",
    "units were sent to the other warehouse",
    "units arrived",
    "units were lost on their way",
    "a bundle was sold",
}
PRODUCT, NORTH = st.integers(0, 2), st.booleans()


def _place(north: bool) -> str:
    return "north" if north else "main"


class Stockroom(RuleBasedStateMachine):
    """Two warehouses; the bread comes in lots, the box is made of a soup and two juices."""

    deeds: ClassVar[Counter[str]] = Counter()
    """How often each was done, over all histories."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta()
        self.on_the_way: list[UUID] = []

    def attempt(self, do: Callable[[], Awaitable[None]], deed: str | None = None) -> None:
        """Do it; a refusal is none of our business."""
        raise NotImplementedError

    async def change(self, do: Callable[[Tx], Awaitable[object]]) -> None:
        """Do it in one transaction."""
        raise NotImplementedError

    async def tidy(self) -> None:
        """The worker goes round."""
        raise NotImplementedError

    def stock_up(self) -> None:
        """Open the second warehouse, make the box, take in and move lots of bread."""
        box = [ComponentIn(sku="SKU0"), ComponentIn(sku="SKU1", quantity=2)]
        self.attempt(lambda: self.change(lambda tx: warehouses.put(tx, "north", WarehouseIn(name="North"))))
        self.count(BOX, 0)
        self.attempt(lambda: self.change(lambda tx: bundles.put(tx, BundleIn(sku=f"SKU{BOX}", components=box))))
        for lot in DAYS_GOOD:
            self.receive_lot(lot, 4)
        self.dispatch(BREAD, 3)
        self.arrive(received=1, lost=1)

    @rule(product=PRODUCT, quantity=st.integers(1, 5), north=NORTH)
    def receive(self, product: int, quantity: int, north: bool = False) -> None:
        body = ReceiptIn(sku=f"SKU{product}", warehouse=_place(north), quantity=quantity)
        self.attempt(lambda: self.change(lambda tx: keeping.receive(tx, body)))

    @rule(lot=st.sampled_from(sorted(DAYS_GOOD)), quantity=st.integers(1, 5), north=NORTH)
    def receive_lot(self, lot: str, quantity: int, north: bool = False) -> None:
        """A lot of bread; its code says when it was baked, so that it is known with one date."""

        async def come_in() -> None:
            today = clock.now().date()
            body = ReceiptIn(
                sku=f"SKU{BREAD}",
                warehouse=_place(north),
                quantity=quantity,
                lot=f"{lot} {today}",
                expires_on=today + timedelta(days=DAYS_GOOD[lot]),
            )
            await self.change(lambda tx: keeping.receive(tx, body))

        self.attempt(come_in, "a lot came in")

    @rule(pick=st.integers(0, 3), quantity=st.integers(0, 3))
    def recall(self, pick: int, quantity: int) -> None:
        """Whoever got units of a lot is found, and some of what is there of it goes, or all (0), whoever waits for it."""

        async def look() -> None:
            await self.change(find)

        async def find(tx: Tx) -> None:
            lots = (await keeping.lots_of(tx, f"SKU{BREAD}")).items
            if not lots:
                return
            lot = lots[pick % len(lots)]
            same = [other for other in lots if other.lot == lot.lot]
            found = await keeping.recall(
                tx, f"SKU{BREAD}", lot.lot, after=UUID(int=0), limit=1_000, by=owner(tx.tenant_id)
            )
            sent = sum(units.quantity for units in found if units.fulfilment_id is not None)
            assert sent == sum(other.sold for other in same)
            assert sum(units.quantity for units in found) - sent <= sum(other.reserved for other in same)
            if found:
                self.deeds["whoever got units of a lot was found"] += 1
            if not quantity:
                await expiry.recall(tx, f"SKU{BREAD}", lot.lot)
                self.deeds["a lot was recalled"] += 1
                return
            bad = WriteOffIn(
                sku=f"SKU{BREAD}", warehouse=lot.warehouse, quantity=quantity, lot=lot.lot, reason="recalled"
            )
            await keeping.write_off(tx, bad)

        self.attempt(look, "a lot was written off")

    @rule(product=PRODUCT, quantity=st.integers(1, 4), north=NORTH)
    def dispatch(self, product: int, quantity: int, north: bool = False) -> None:
        """Units leave one warehouse for the other."""
        body = DispatchIn(sku=f"SKU{product}", source=_place(north), destination=_place(not north), quantity=quantity)

        async def send() -> None:
            async def leave(tx: Tx) -> None:
                self.on_the_way.append((await transfers.send(tx, body)).id)

            await self.change(leave)

        self.attempt(send, "units were sent to the other warehouse")

    @rule(pick=st.integers(0, 2), received=st.integers(0, 3), lost=st.integers(0, 1))
    def arrive(self, received: int, lost: int, pick: int = 0) -> None:
        if self.on_the_way:
            sent = self.on_the_way[-1 - pick % len(self.on_the_way)]
            body = ArrivalIn(received=received, lost=lost)
            deed = "units were lost on their way" if lost else "units arrived"
            self.attempt(lambda: self.change(lambda tx: transfers.arrive(tx, sent, body)), deed)

    @rule(product=PRODUCT, safety_stock=st.integers(0, 3), limit=st.sampled_from([0, 4, 9]))
    def keep_back(self, product: int, safety_stock: int, limit: int) -> None:
        body = PolicyIn(sku=f"SKU{product}", safety_stock=safety_stock, backorder_limit=limit, lead_days=5)
        self.attempt(lambda: self.change(lambda tx: policies.put(tx, body)))

    @rule(product=PRODUCT, counted=st.integers(0, 15), north=NORTH)
    def count(self, product: int, counted: int, north: bool = False) -> None:
        body = CountIn(sku=f"SKU{product}", warehouse=_place(north), counted=counted)
        self.attempt(lambda: self.change(lambda tx: keeping.count(tx, body)))

    @rule()
    def a_day_passes(self) -> None:
        self.ahead += timedelta(days=1)
        self.attempt(self.tidy)

    async def tidy_stock(self) -> None:
        """The worker's part that is about stock."""

        async def go_round(tx: Tx) -> None:
            await inventory.release_expired(tx)
            if await expiry.write_off_expired(tx):
                self.deeds["a lot expired"] += 1
            await keep_what_came_in(tx)

        await self.change(go_round)
