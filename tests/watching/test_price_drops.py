"""Whoever watches a price is told once for each fall, beside what they were last told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.price_watches import telling
from foundation import clock
from storefront.pages import install
from tests.identity.conftest import EMAIL, register

if TYPE_CHECKING:
    from tests.asking import Ask
    from tests.factories import SeededShop
    from tests.identity.conftest import Messages, Told

LISTS = "/v1/store/wishlists"
SKU = "SKU3"
WAS = 400


class Watcher:
    """A shopper, the desk that sets prices, and the worker."""

    def __init__(self, app: Any, http: httpx.AsyncClient, staff: httpx.AsyncClient, shop: SeededShop) -> None:
        self.core, self.http, self.staff, self.shop = app.state.core, http, staff, shop
        self.variant = shop.products[3].variant_id
        self.at = ""

    async def wish(self, name: str = "Birthday") -> str:
        made = (await self.http.post(LISTS, json={"name": name})).json()
        self.at = f"{LISTS}/{made['id']}/items/{self.variant}"
        assert (await self.http.put(self.at, json={"quantity": 2})).status_code == 200
        return self.at

    async def watch(self, status: int = 200) -> dict[str, Any]:
        answer = await self.http.put(f"{self.at}/watch")
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def price(self, amount: int, **more: Any) -> None:
        body = {"currency": "USD", "amount": amount, **more}
        answer = await self.staff.put(f"/v1/admin/prices/variants/{SKU}/list", json=body)
        assert answer.status_code == 200, answer.text

    async def tell(self, hours: float = 0) -> int:
        at = clock.now() + timedelta(hours=hours)
        with clock.use(lambda: at):
            return await telling.tell(self.core.database, await self.core.directory.by_host(self.shop.host))


@pytest.fixture
async def watcher(
    app: Any, client: httpx.AsyncClient, staff: httpx.AsyncClient, grocer: SeededShop, messages: Messages
) -> Watcher:
    await register(client, messages)
    return Watcher(app, client, staff, grocer)


async def _told(messages: Messages) -> list[Told]:
    return [one for one in await messages() if one.template == "price_drop"]


async def test_a_fall_is_told_once_and_another_beside_what_was_told(
    watcher: Watcher, messages: Messages, grocer: SeededShop, rows: Ask
) -> None:
    await watcher.wish()
    shown = await watcher.watch()
    assert [(one["added_price"], one["watched"]) for one in shown["items"]] == [(WAS, True)]
    assert await watcher.tell() == 0

    for amount, expected in ((381, 0), (380, 1), (380, 0), (500, 0), (370, 0), (361, 1)):
        await watcher.price(amount)
        assert await watcher.tell() == expected, amount
        assert await watcher.tell() == 0
    told = await _told(messages)
    assert [(one.recipient, one.values["price"], one.values["before"]) for one in told] == [
        (EMAIL, "$3.80", "$4.00"),
        (EMAIL, "$3.61", "$3.80"),
    ]
    assert told[0].values["product"] == grocer.products[3].title
    assert told[0].values["link"].endswith(f"/p/{grocer.products[3].handle}")
    names = [name for (name,) in rows("SELECT name FROM outbox WHERE name LIKE 'price\\_%%' ORDER BY seq")]
    assert [one for one in names if one != "price.changed"] == ["price_watch.requested", *["price_drop.sent"] * 2]


async def test_a_thing_on_two_lists_is_one_mail_and_goes_on_when_it_is_moved(
    watcher: Watcher, messages: Messages, rows: Ask
) -> None:
    first = await watcher.wish()
    await watcher.watch()
    await watcher.wish("Other")
    await watcher.price(390)
    await watcher.watch()
    await watcher.price(300)
    assert await watcher.tell() == 1
    assert [one.values["before"] for one in await _told(messages)] == ["$3.90"]

    ((wishlist_id,),) = rows("SELECT id FROM wishlist ORDER BY id LIMIT 1")
    assert str(wishlist_id) in first
    assert (await watcher.http.delete(watcher.at)).status_code == 200
    watcher.at = first
    await watcher.price(200)
    assert await watcher.tell() == 1


async def test_a_sale_is_told_when_it_begins_and_what_is_sold_out_once_it_is_back(
    watcher: Watcher, messages: Messages, rows: Ask
) -> None:
    await watcher.wish()
    await watcher.watch()
    begins = (clock.now() + timedelta(hours=2)).isoformat()
    offers = {"currency": "USD", "offers": [{"amount": 100, "starts_at": begins}]}
    assert (await watcher.staff.put(f"/v1/admin/prices/variants/{SKU}/offers", json=offers)).status_code == 200
    rows("UPDATE stock SET available = 0, written_off = received RETURNING 1")
    assert [await watcher.tell(hours) for hours in (0, 1, 3)] == [0, 0, 0]
    rows("UPDATE stock SET available = received, written_off = 0 RETURNING 1")
    assert [await watcher.tell(hours) for hours in (4, 4)] == [1, 0]
    assert [one.values["price"] for one in await _told(messages)] == ["$1.00"]


async def test_whoever_stops_or_wants_no_such_mails_gets_none(watcher: Watcher, messages: Messages) -> None:
    await watcher.wish()
    await watcher.watch()
    said = {"items": [{"topic": "price_drops", "channel": "email", "wanted": False}]}
    assert (await watcher.http.patch("/v1/store/notification-preferences", json=said)).status_code == 200
    await watcher.price(300)
    assert await watcher.tell() == 0
    stopped = (await watcher.http.delete(f"{watcher.at}/watch")).json()
    assert [one["watched"] for one in stopped["items"]] == [False]
    said["items"][0]["wanted"] = True
    await watcher.http.patch("/v1/store/notification-preferences", json=said)
    await watcher.price(100)
    assert (await watcher.tell(), await _told(messages)) == (0, [])


async def test_who_can_not_be_told_and_what_has_no_price_is_refused(
    app: Any, client: httpx.AsyncClient, staff: httpx.AsyncClient, grocer: SeededShop, messages: Messages, rows: Ask
) -> None:
    guest = Watcher(app, client, staff, grocer)
    await client.post("/v1/store/sessions", json={})
    await guest.wish()
    assert (await guest.watch(422))["code"] == "wishlists.address_needed"
    await register(client, messages)
    rows("UPDATE product SET status = 'archived' RETURNING 1")
    assert (await guest.watch(409))["code"] == "wishlists.not_sold"
    guest.at = guest.at.replace(str(guest.variant), str(grocer.products[0].variant_id))
    assert (await guest.watch(404))["code"] == "wishlists.item_not_found"


async def test_others_do_not_see_what_is_watched_and_the_page_turns_it_on_and_off(
    watcher: Watcher, client: httpx.AsyncClient
) -> None:
    install(client._transport.app)  # type: ignore[attr-defined]
    at = (await watcher.wish()).partition("/items/")[0]
    page = at.removeprefix("/v1/store")
    shown = (await client.get(page)).text
    assert 'aria-pressed="false"' in shown
    on = await client.post(f"{page}/items/{watcher.variant}/watch", data={})
    assert on.status_code == 303
    await watcher.price(300)
    shown = (await client.get(page)).text
    assert 'aria-pressed="true"' in shown
    assert "$1.00 less than when you added it" in shown
    token = (await client.put(f"{at}/share")).json()["share_token"]
    shared = (await client.get(f"/v1/store/shared-wishlists/{token}")).json()["items"][0]
    assert not {"watched", "added_price"} & set(shared)
    assert (await client.post(f"{page}/items/{watcher.variant}/unwatch", data={})).status_code == 303
    assert 'aria-pressed="false"' in (await client.get(page)).text


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_fall_worth_telling_is_five_per_cent(price: int, last: int) -> None:
    assert telling.is_worth_telling(price, last) == (price < last and last - price >= last / 20)
