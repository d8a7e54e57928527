"""The pairs that contend, each with how its race is set up and what must be true at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx

from commerce.identity import service as identity
from commerce.identity.service import Shopper
from commerce.identity.staff import create_key
from commerce.orders import cancelling, claiming, editing, fulfilling, refunding, returning
from commerce.orders.change_schemas import AddUnits, EditAction, SetQuantity
from commerce.orders.claiming import Claimed
from commerce.orders.held import Actor
from commerce.orders.returning import Announced
from commerce.payments.schemas import Waiting
from foundation.database import Tx
from tests.commerce.desk import SOON, STAFF, Desk
from tests.commerce.invariants import all_faults, unsettled
from tests.races.exploring import Do, Race
from tests.races.scarce import one_card, one_gift_card, one_payout, one_unit, the_last_unit
from tests.races.site import Site, told, told_of

UNITS = 77
Hand = Callable[[Desk, UUID], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class AtAnOrder:
    """Two hands at one order: one of them does what it is about, and everything adds up."""

    desk: Desk
    order_id: UUID
    hands: tuple[Do, Do]

    async def faults(self, answers: Sequence[str]) -> list[str]:
        """What is wrong once whoever was overtaken has had the next round."""
        await self.desk.money.settle(self.desk.shop.id, self.order_id)
        wrong = await all_faults(self.desk.database, self.desk.seeded)
        async with self.desk.database.tx(self.desk.shop.id) as tx:
            wrong += [f"order {order_id} has money still to be moved" for order_id in await unsettled(tx)]
        return wrong if "done" in answers else [*wrong, "nobody did it"]


def _in_one(do: Callable[[Tx, UUID, Actor], Awaitable[object]]) -> Hand:
    async def hand(desk: Desk, order_id: UUID) -> None:
        async with desk.database.tx(desk.shop.id) as tx:
            await do(tx, order_id, STAFF)

    return hand


def _and_settle(do: Hand) -> Hand:
    async def hand(desk: Desk, order_id: UUID) -> None:
        await do(desk, order_id)
        await desk.money.settle(desk.shop.id, order_id)

    return hand


async def _cancel(tx: Tx, order_id: UUID, actor: Actor) -> None:
    await cancelling.cancel(tx, order_id, actor, reason="given up")


async def _refund(tx: Tx, order_id: UUID, actor: Actor) -> None:
    await refunding.refund_amount(tx, order_id, actor, amount=400, reason="late")


async def capture(desk: Desk, order_id: UUID) -> None:
    """Take what was authorised."""
    await desk.money.settle(desk.shop.id, order_id)


async def _edit(tx: Tx, order_id: UUID, actor: Actor) -> None:
    drafts = await tx.connection.fetch("SELECT id, version FROM order_change WHERE order_id = $1", order_id)
    await editing.confirm(tx, order_id, drafts[0]["id"], actor, version=drafts[0]["version"])


cancel, fulfil, refund, edit = (_in_one(do) for do in (_cancel, fulfilling.fulfil, _refund, _edit))


async def _all_of(tx: Tx, order_id: UUID) -> list[Any]:
    rows = await tx.connection.fetch("SELECT id, quantity FROM order_line WHERE order_id = $1 ORDER BY id", order_id)
    return [(row["id"], row["quantity"]) for row in rows]


async def _claim(tx: Tx, order_id: UUID, actor: Actor) -> None:
    claimed = [Claimed(line_id, units, "damaged") for line_id, units in await _all_of(tx, order_id)]
    await claiming.raise_claim(tx, order_id, actor, claimed)


async def _send_back(tx: Tx, order_id: UUID, actor: Actor) -> None:
    announced = [Announced(line_id, units, "damaged") for line_id, units in await _all_of(tx, order_id)]
    await returning.request(tx, order_id, actor, announced, note="")


async def _claim_of(tx: Tx, order_id: UUID) -> UUID:
    claims = await tx.connection.fetch("SELECT id FROM order_claim WHERE order_id = $1", order_id)
    claim_id: UUID = claims[0]["id"]
    return claim_id


async def _refund_claim(tx: Tx, order_id: UUID, actor: Actor) -> None:
    await claiming.refund(tx, order_id, await _claim_of(tx, order_id), actor)


async def _replace_claimed(tx: Tx, order_id: UUID, actor: Actor) -> None:
    await claiming.replace_units(tx, order_id, await _claim_of(tx, order_id), actor)


claim, send_back, refund_claim, replace_claimed = (
    _in_one(do) for do in (_claim, _send_back, _refund_claim, _replace_claimed)
)


async def sent(desk: Desk) -> UUID:
    """An order all of which has left."""
    order = await desk.order(3, 1)
    await fulfil(desk, order.id)
    return order.id


async def claimed(desk: Desk) -> UUID:
    """An order all of which has left, and came damaged."""
    order_id = await sent(desk)
    await claim(desk, order_id)
    return order_id


async def drafted(desk: Desk) -> UUID:
    """An order with a draft: one soup more for the juice, which gives something back."""
    order = await desk.order(3, 1)
    actions: list[EditAction] = [
        SetQuantity(action="set_quantity", line_id=order.lines[1].id, quantity=0),
        AddUnits(action="add", variant_id=order.lines[0].variant_id, quantity=1),
    ]
    async with desk.database.tx(desk.shop.id) as tx:
        await editing.draft(tx, order.id, STAFF, actions)
    return order.id


async def uncaptured(desk: Desk) -> UUID:
    """An order whose payment is authorised."""
    desk.bank.away = {"capture"}
    order = await desk.order(3, 1)
    desk.bank.away = set()
    assert order.payment_state == "authorised"
    return order.id


def at_an_order(first: Hand, second: Hand, prepare: Callable[[Desk], Awaitable[UUID]]) -> Prepare:
    """A race of two at an order."""

    async def race(site: Site) -> AtAnOrder:
        desk = site.desk
        order_id = await prepare(desk)
        return AtAnOrder(desk, order_id, (lambda: told(first(desk, order_id)), lambda: told(second(desk, order_id))))

    return race


@dataclass(frozen=True, slots=True)
class ForAPayment:
    """Two who bring news of a challenge that was passed, or give it up: there is one order, or none and nothing held."""

    desk: Desk
    cart_id: UUID
    hands: tuple[Do, Do]

    async def faults(self, answers: Sequence[str]) -> list[str]:
        """What is wrong once the worker has gone round."""
        desk = self.desk
        await desk.checkout.recover(desk.shop, older_than=timedelta(0))
        wrong = await all_faults(desk.database, desk.seeded)
        async with desk.database.tx(desk.shop.id) as tx:
            orders = await tx.connection.fetch("SELECT payment_state FROM orders WHERE cart_id = $1", self.cart_id)
            wrong += [f"order {order_id} has money still to be moved" for order_id in await unsettled(tx)]
        if [row["payment_state"] for row in orders] not in (["paid"], []):
            wrong.append(f"orders: {orders}")
        if len(desk.bank.taken) != 2 * len(orders) or desk.bank.held:
            wrong.append(f"the bank took {desk.bank.taken} and holds {desk.bank.held}")
        return wrong


@dataclass(frozen=True, slots=True)
class Challenged:
    """A cart that is paid in two parts, of which one was challenged and has been approved since."""

    desk: Desk
    shopper: Shopper
    cart_id: UUID
    payment_id: UUID

    async def webhook(self) -> None:
        """The provider tells."""
        await self.desk.hear("payment_changed", self.payment_id)

    async def redirect(self) -> None:
        """The shopper is back."""
        await self.desk.checkout.go_on(self.desk.shop, self.shopper, self.cart_id)

    async def complete(self) -> None:
        """The shopper tries again."""
        await self.desk.try_to_pay(self.shopper, self.cart_id, "tok_ok")

    async def give_up(self) -> None:
        """The shopper would rather not."""
        await self.desk.checkout.give_up(self.desk.shop, self.shopper, self.cart_id)

    async def recover(self) -> None:
        """The worker finds it."""
        await self.desk.checkout.recover(self.desk.shop, older_than=timedelta(0))


def of_a_payment(one: News, two: News) -> Prepare:
    """A race of two at a challenged payment."""

    async def race(site: Site) -> ForAPayment:
        desk = site.desk
        shopper = await desk.shopper()
        cart_id = await desk.cart(shopper, (3, 1))
        waiting = await desk.try_to_pay(shopper, cart_id, "tok_ok", "tok_challenge")
        assert isinstance(waiting, Waiting)
        payment_id = waiting.payments[0].id
        desk.bank.answer(payment_id, approved=True)
        at = Challenged(desk, shopper, cart_id, payment_id)
        return ForAPayment(desk, cart_id, (partial(told_of, one, at), partial(told_of, two, at)))

    return race


@dataclass(frozen=True, slots=True)
class WithOneKey:
    """The same request twice with one key: one works, the other is told that it is in flight or gets the first answer."""

    site: Site
    ask: Callable[[dict[str, Any]], Awaitable[httpx.Response]]
    body: dict[str, Any]
    another: dict[str, Any]
    hands: tuple[Do, Do]

    async def faults(self, answers: Sequence[str]) -> list[str]:
        """What is wrong; the same request is made once more, and one with another body."""
        wrong = await all_faults(self.site.desk.database, self.site.desk.seeded)
        if sorted(answers) not in (["201", "201 again"], ["201", "409 idempotency.in_flight"]):
            wrong.append("not one worked while the other was told so")
        again, other = await self.ask(self.body), await self.ask(self.another)
        if _said(again) != "201 again":
            wrong.append(f"asked once more: {_said(again)}")
        if _said(other) != "422 idempotency.key_reused":
            wrong.append(f"asked for something else: {_said(other)}")
        async with self.site.desk.database.tx(self.site.desk.shop.id) as tx:
            done = await tx.connection.fetch(
                "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM stock_movement WHERE quantity = $1)",
                UNITS,
            )
        return wrong if done[0][0] == 1 else [*wrong, f"done {done[0][0]} times"]


def _said(answer: httpx.Response) -> str:
    if answer.is_success:
        return f"{answer.status_code} again" if "Idempotency-Replayed" in answer.headers else str(answer.status_code)
    return f"{answer.status_code} {answer.json()['code']}"


def with_one_key(
    site: Site, path: str, headers: dict[str, str], body: dict[str, Any], another: dict[str, Any]
) -> WithOneKey:
    """A race of two identical requests."""

    async def ask(body: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=site.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{site.desk.seeded.host}") as http:
            return await http.post(path, json=body, headers={"Idempotency-Key": "the key", **headers})

    async def hand() -> str:
        return _said(await ask(body))

    return WithOneKey(site, ask, body, another, (hand, hand))


async def one_receipt(site: Site) -> WithOneKey:
    """Staff take the same goods in twice, with one key."""
    async with site.desk.database.transaction(site.desk.shop.id) as session:
        _, token = await create_key(session, site.desk.shop.id, name="Back office")
    body = {"sku": "SKU0", "warehouse": "main", "quantity": UNITS}
    headers = {"Authorization": f"Bearer {token}"}
    return with_one_key(site, "/v1/admin/inventory/receipts", headers, body, body | {"quantity": 1})


async def one_completion(site: Site) -> WithOneKey:
    """A shopper completes a cart twice at once, with one key."""
    async with site.desk.database.tx(site.desk.shop.id) as tx:
        token, shopper = await identity.open_session(tx, ttl=SOON)
    cart_id = await site.desk.cart(shopper, [1])
    body = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "a@b.example"}
    headers = {"Authorization": f"Bearer {token}"}
    return with_one_key(site, f"/v1/store/carts/{cart_id}/complete", headers, body, body | {"email": "c@d.example"})


Prepare = Callable[[Site], Awaitable[Race]]
News = Callable[[Challenged], Awaitable[None]]
ALONE: dict[str, Prepare] = {
    "two reserve one unit": one_unit,
    "two hold one gift card": one_card,
    "two pay out what a vendor is due": one_payout,
    "cancel against fulfil": at_an_order(cancel, fulfil, drafted),
    "fulfil against fulfil": at_an_order(fulfil, fulfil, drafted),
    "cancel against cancel": at_an_order(cancel, cancel, drafted),
    "refund against refund": at_an_order(refund, refund, drafted),
    "refund against cancel": at_an_order(refund, cancel, drafted),
    "edit against fulfil": at_an_order(edit, fulfil, drafted),
    "edit against cancel": at_an_order(edit, cancel, drafted),
    "edit against edit": at_an_order(edit, edit, drafted),
    "claim against return": at_an_order(claim, send_back, sent),
    "a claim's refund against its replacement": at_an_order(refund_claim, replace_claimed, claimed),
}
"""One transaction each."""
TO_THE_END: dict[str, Prepare] = {
    "capture against void": at_an_order(capture, _and_settle(cancel), uncaptured),
    "capture against capture": at_an_order(capture, capture, uncaptured),
    "refund against refund, to the end": at_an_order(_and_settle(refund), _and_settle(refund), drafted),
    "cancel against fulfil, to the end": at_an_order(_and_settle(cancel), _and_settle(fulfil), drafted),
    "edit against cancel, to the end": at_an_order(_and_settle(edit), _and_settle(cancel), drafted),
    "webhook against redirect": of_a_payment(Challenged.webhook, Challenged.redirect),
    "webhook against complete": of_a_payment(Challenged.webhook, Challenged.complete),
    "webhook against giving up": of_a_payment(Challenged.webhook, Challenged.give_up),
    "redirect against recovery": of_a_payment(Challenged.redirect, Challenged.recover),
    "two shoppers, one unit": the_last_unit,
    "one gift card twice": one_gift_card,
    "one key twice, a receipt": one_receipt,
    "one key twice, a cart": one_completion,
}
"""What goes on to the provider, or is several transactions."""
