"""What a guest gathered is theirs once they have proved who they are: once, and never before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from commerce.identity import accounts
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, PASSWORD, Messages, browser_at, register, sign_in

Rows = Callable[..., list[tuple[Any, ...]]]
STORE = "/v1/store"


async def put_in_cart(http: httpx.AsyncClient, shop: SeededShop, quantity: int = 1) -> dict[str, Any]:
    cart = (await http.post(f"{STORE}/carts")).json()
    line = {"variant_id": str(shop.products[0].variant_id), "quantity": quantity}
    added = await http.post(f"{STORE}/carts/{cart['id']}/lines", json=line)
    assert added.status_code == 201, added.text
    answer: dict[str, Any] = added.json()
    return answer


async def order_as_guest(http: httpx.AsyncClient, shop: SeededShop, email: str) -> str:
    await http.post(f"{STORE}/sessions", json={})
    cart = await put_in_cart(http, shop)
    body = {"payment": {"provider": "test", "token": "tok_ok"}, "email": email}
    placed = await http.post(
        f"{STORE}/carts/{cart['id']}/complete", json=body, headers={"Idempotency-Key": f"key-{cart['id']}"}
    )
    assert placed.status_code in {200, 201}, placed.text
    number: str = placed.json()["number"]
    return number


async def orders_of(http: httpx.AsyncClient) -> list[str]:
    answer = await http.get(f"{STORE}/orders")
    assert answer.status_code == 200, answer.text
    return [order["number"] for order in answer.json()["items"]]


async def test_a_guests_orders_are_the_accounts_once_the_address_is_proved(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    async with browser_at(app, grocer) as guest:
        number = await order_as_guest(guest, grocer, EMAIL)
        await order_as_guest(guest, grocer, "grace@example.com")
    await client.post(f"{STORE}/sessions", json={})
    body = {"email": EMAIL, "password": PASSWORD, "display_name": "Ada"}
    await client.post(f"{STORE}/accounts", json=body)
    assert await orders_of(client) == []
    await client.post(f"{STORE}/accounts/confirmations", json={"token": (await messages())[-1].token})
    assert await orders_of(client) == [number]
    await sign_in(client)
    assert await orders_of(client) == [number]


async def test_orders_placed_later_as_a_guest_come_at_the_next_sign_in(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    await register(client, messages)
    async with browser_at(app, grocer) as guest:
        number = await order_as_guest(guest, grocer, EMAIL)
    assert await orders_of(client) == []
    await sign_in(client)
    assert await orders_of(client) == [number]


async def test_an_address_that_is_only_said_gives_nothing(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    async with browser_at(app, grocer) as guest:
        number = await order_as_guest(guest, grocer, EMAIL)
    async with app.state.core.database.tx(grocer.id) as tx:
        password_hash = await app.state.core.passwords.hash(PASSWORD)
        await accounts.create(tx, display_name="Mallory", email=EMAIL, password_hash=password_hash)
    assert (await sign_in(client)).status_code == 201
    assert await orders_of(client) == []
    await client.post(f"{STORE}/accounts/current/email", json={"email": EMAIL})
    token = (await messages())[-1].token
    assert (await client.post(f"{STORE}/accounts/email-confirmations", json={"token": token})).status_code == 204
    assert await orders_of(client) == [number]


async def test_an_order_that_is_somebodys_stays_theirs(
    app: Any, grocer: SeededShop, client: httpx.AsyncClient, messages: Messages
) -> None:
    async with browser_at(app, grocer) as household:
        await household.post(f"{STORE}/sessions", json={"reference": "household-1"})
        cart = await put_in_cart(household, grocer)
        body = {"payment": {"provider": "test", "token": "tok_ok"}, "email": EMAIL}
        await household.post(f"{STORE}/carts/{cart['id']}/complete", json=body, headers={"Idempotency-Key": "key"})
        assert len(await orders_of(household)) == 1
        await register(client, messages)
        assert await orders_of(client) == []
        assert len(await orders_of(household)) == 1


async def test_whom_the_shop_knows_by_an_address_is_who_proves_it(
    client: httpx.AsyncClient, messages: Messages, rows: Rows
) -> None:
    ((customer,),) = rows("UPDATE customer SET email = %s WHERE reference = 'household-1' RETURNING id", EMAIL)
    session = await register(client, messages)
    assert session["customer_id"] == str(customer)


@pytest.mark.parametrize("way", ["password", "link"])
async def test_a_visitors_cart_and_what_they_keep_come_along(
    grocer: SeededShop, client: httpx.AsyncClient, messages: Messages, rows: Rows, way: str
) -> None:
    await register(client, messages)
    await put_in_cart(client, grocer, 2)
    await client.delete(f"{STORE}/sessions/current")
    await client.post(f"{STORE}/sessions", json={})
    await put_in_cart(client, grocer, 3)
    if way == "password":
        assert (await sign_in(client)).status_code == 201
    else:
        await client.post(f"{STORE}/sessions/links", json={"email": EMAIL})
        await client.post(f"{STORE}/sessions/link", json={"token": (await messages())[-1].token})
    cart = (await client.post(f"{STORE}/carts")).json()
    assert [line["quantity"] for line in cart["lines"]] == [5]
    await sign_in(client)
    cart = (await client.post(f"{STORE}/carts")).json()
    assert [line["quantity"] for line in cart["lines"]] == [5]
