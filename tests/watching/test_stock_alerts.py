"""Whoever waits for something is told once, in the order of asking, and no more of them than there is to be had."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from commerce.privacy import erasing
from commerce.stock_alerts import service, telling
from foundation import clock
from storefront.pages import install
from storefront.problems import words
from tests.identity.conftest import EMAIL, browser_at, register

if TYPE_CHECKING:
    from tests.asking import Ask
    from tests.factories import SeededShop
    from tests.identity.conftest import Messages, Told

ALERTS = "/v1/store/stock-alerts"


@pytest.fixture
def stock(rows: Ask) -> Any:
    """Have so many of everything."""

    def put(units: int) -> None:
        rows("UPDATE stock SET received = %s, available = %s RETURNING 1", units, units)

    put(0)
    return put


@pytest.fixture
def tell(app: Any, grocer: SeededShop) -> Any:
    """A round of the worker, so many hours from now."""

    async def go(hours: float = 0) -> int:
        at = clock.now() + timedelta(hours=hours)
        with clock.use(lambda: at):
            return await telling.tell(app.state.core.database, grocer.id)

    return go


async def _ask(http: httpx.AsyncClient, shop: SeededShop, email: str | None = None, place: int = 0) -> httpx.Response:
    body = {"variant_id": str(shop.products[place].variant_id), **({"email": email} if email else {})}
    return await http.post(ALERTS, json=body)


async def _wait(app: Any, shop: SeededShop, messages: Messages, email: str) -> str:
    """A guest waits for soup; the token of their link."""
    async with browser_at(app, shop, address=f"198.51.100.{len(email)}") as http:
        asked = await _ask(http, shop, email)
        assert (asked.status_code, asked.json()) == (202, {"status": "confirmation_sent"})
        token = (await messages())[-1].token
        assert (await http.post(f"{ALERTS}/confirmations", json={"token": token})).status_code == 204
    return token


async def _told(messages: Messages) -> list[Told]:
    return [one for one in await messages() if one.template == "back_in_stock"]


async def test_guests_are_told_in_the_order_of_asking_as_many_as_there_are_units(
    app: Any, grocer: SeededShop, messages: Messages, stock: Any, tell: Any, rows: Ask
) -> None:
    people = ["a@example.com", "bb@example.com", "ccc@example.com"]
    for email in people:
        await _wait(app, grocer, messages, email)
    assert await tell() == 0

    stock(2)
    assert await tell() == 2
    assert await tell() == 0
    told = await _told(messages)
    assert [one.recipient for one in told] == people[:2]
    assert told[0].values["product"] == grocer.products[0].title
    assert told[0].values["link"].endswith(f"/p/{grocer.products[0].handle}")

    assert await tell(hours=23) == 0
    assert await tell(hours=25) == 1
    assert [one.recipient for one in await _told(messages)] == people
    assert await tell(hours=99) == 0
    names = [name for (name,) in rows("SELECT name FROM outbox WHERE name LIKE 'stock_alert.%%' ORDER BY seq")]
    assert names == ["stock_alert.requested"] * 3 + ["stock_alert.sent"] * 3


async def test_nobody_waits_before_the_link_is_shown(
    client: httpx.AsyncClient, grocer: SeededShop, messages: Messages, stock: Any, tell: Any, rows: Ask
) -> None:
    await _ask(client, grocer, EMAIL)
    assert rows("SELECT 1 FROM stock_alert") == []
    token = (await messages())[-1].token
    later = clock.now() + timedelta(hours=25)
    with clock.use(lambda: later):
        late = await client.post(f"{ALERTS}/confirmations", json={"token": token})
    assert late.json()["code"] == "identity.proof_not_good"
    stock(5)
    assert await tell() == 0


async def test_the_link_can_be_shown_again_and_takes_one_off_the_list(
    app: Any, client: httpx.AsyncClient, grocer: SeededShop, messages: Messages, stock: Any, tell: Any, rows: Ask
) -> None:
    token = await _wait(app, grocer, messages, EMAIL)
    assert (await client.post(f"{ALERTS}/confirmations", json={"token": token})).status_code == 204
    ((key,),) = rows("SELECT id FROM stock_alert")
    assert rows("SELECT 1 FROM subject_key WHERE id = %s", key) == [(1,)]

    for _ in range(2):
        assert (await client.post(f"{ALERTS}/withdrawals", json={"token": token})).status_code == 204
    assert rows("SELECT 1 FROM stock_alert") == rows("SELECT 1 FROM subject_key WHERE id = %s", key) == []
    stock(5)
    assert await tell() == 0


async def test_a_customer_waits_by_their_account_and_once(
    client: httpx.AsyncClient, grocer: SeededShop, messages: Messages, stock: Any, tell: Any
) -> None:
    await register(client, messages)
    for email in (None, EMAIL):
        assert (await _ask(client, grocer, email)).json() == {"status": "waiting"}
    assert (await _ask(client, grocer, place=1)).json() == {"status": "waiting"}
    listed = (await client.get(ALERTS)).json()["items"]
    assert [one["title"] for one in listed] == [grocer.products[1].title, grocer.products[0].title]

    assert (await client.delete(f"{ALERTS}/{listed[0]['variant_id']}")).status_code == 204
    assert (await client.delete(f"{ALERTS}/{listed[0]['variant_id']}")).json()["code"] == "stock_alerts.not_found"
    stock(3)
    assert await tell() == 1
    assert [one.recipient for one in await _told(messages)] == [EMAIL]
    assert (await client.get(ALERTS)).json()["items"] == []


async def test_whoever_does_not_want_such_mails_gets_none(
    client: httpx.AsyncClient, grocer: SeededShop, messages: Messages, stock: Any, tell: Any
) -> None:
    await register(client, messages)
    await _ask(client, grocer)
    said = {"items": [{"topic": "back_in_stock", "channel": "email", "wanted": False}]}
    assert (await client.patch("/v1/store/notification-preferences", json=said)).status_code == 200
    stock(1)
    await tell()
    assert await _told(messages) == []


async def test_bad_requests_say_what_is_wrong(
    client: httpx.AsyncClient, grocer: SeededShop, messages: Messages, stock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/v1/store/sessions", json={})
    assert (await _ask(client, grocer)).json()["code"] == "stock_alerts.address_needed"
    nothing = {"variant_id": str(grocer.id), "email": EMAIL}
    assert (await client.post(ALERTS, json=nothing)).json()["code"] == "stock_alerts.unknown_variant"
    assert (await client.post(ALERTS, json=nothing | {"email": "a@b\r\nBcc: c@d.e"})).status_code == 422
    assert (await client.get(ALERTS)).status_code == 401
    assert (await client.post(f"{ALERTS}/withdrawals", json={"token": "x"})).status_code == 422
    stock(1)
    assert (await _ask(client, grocer, EMAIL)).json()["code"] == "stock_alerts.can_be_had"

    stock(0)
    monkeypatch.setattr(service, "MOST", 1)
    await register(client, messages)
    assert (await _ask(client, grocer)).status_code == 202
    assert (await _ask(client, grocer, place=1)).json()["code"] == "stock_alerts.too_many"


async def test_a_guest_who_is_forgotten_waits_no_longer_and_their_mail_cant_be_read(
    app: Any, client: httpx.AsyncClient, grocer: SeededShop, messages: Messages, stock: Any, rows: Ask
) -> None:
    await _wait(app, grocer, messages, EMAIL)
    await register(client, messages)
    ((key,),) = rows("SELECT id FROM stock_alert")
    ((customer_id,),) = rows("SELECT customer_id FROM account WHERE email_digest IS NOT NULL")
    async with app.state.core.database.tx(grocer.id) as tx:
        await erasing.erase(tx, customer_id, actor="system:test")
    assert rows("SELECT 1 FROM stock_alert") == rows("SELECT 1 FROM subject_key WHERE id = %s", key) == []


async def test_pages_ask_confirm_and_take_off_the_list(
    client: httpx.AsyncClient, grocer: SeededShop, messages: Messages, stock: Any
) -> None:
    install(client._transport.app)  # type: ignore[attr-defined]
    page = (await client.get(f"/p/{grocer.products[0].handle}")).text
    form = page[page.index("data-alert") :]
    variant = re.search(r'name="variant_id" value="([^"]+)"', form)
    assert variant is not None
    asked = await client.post("/stock-alerts", data={"variant_id": variant[1], "email": EMAIL, "next": "/"})
    assert EMAIL in asked.text
    link = (await messages())[-1].values["link"]
    assert "Tell me when it is back" in (await client.get(link)).text
    token = (await messages())[-1].token
    assert "You are on the list" in (await client.post("/stock-alerts/link", data={"token": token})).text
    assert "Take me off the list" in (await client.get(link)).text
    assert (await client.post("/stock-alerts/stop", data={"token": token})).status_code == 303
    stock(1)
    body = {"variant_id": variant[1], "email": EMAIL, "next": "/"}
    assert (await client.post("/stock-alerts", data=body)).json()["code"] == "stock_alerts.can_be_had"
    assert "you can buy it now" in words(service.CanBeHad())[1]
    again = await client.post("/stock-alerts/link", data={"token": token})
    assert "identity.proof_not_good" in again.text
