"""Whoever bought without an account is given their data and is forgotten like anybody, by a link to their address."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from commerce.privacy import making, parting
from commerce.privacy.farewells import GRACE
from commerce.tenancy.service import Shop
from foundation import clock
from tests.factories import SeededShop
from tests.identity.conftest import EMAIL, Messages, browser_at, register

Rows = Callable[..., list[tuple[Any, ...]]]
LINKS, EXPORTS, ERASURE = "/v1/store/privacy/links", "/v1/store/privacy/exports", "/v1/store/privacy/erasure"
GUEST, STRANGER = "zanzibar@quuxley.example", "nobody@quuxley.example"


@pytest.fixture
async def shop(app: Any, grocer: SeededShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(app.state.core.settings, "objects_url", tmp_path.as_uri())
    found: Shop = await app.state.core.directory.by_host(grocer.host)
    return found


async def _buy(http: httpx.AsyncClient, shop: SeededShop, email: str) -> str:
    """The number of an order that was placed as a guest and has arrived."""
    await http.post("/v1/store/sessions", json={})
    cart = (await http.post("/v1/store/carts")).json()
    line = {"variant_id": str(shop.products[0].variant_id), "quantity": 1}
    await http.post(f"/v1/store/carts/{cart['id']}/lines", json=line)
    pay = {"payment": {"provider": "test", "token": "tok_ok"}, "email": email}
    bought = await http.post(f"/v1/store/carts/{cart['id']}/complete", json=pay, headers={"Idempotency-Key": "k"})
    assert bought.status_code == 201, bought.text
    return str(bought.json()["number"])


async def _proved(http: httpx.AsyncClient, messages: Messages, email: str) -> dict[str, str]:
    """The headers of whoever has read the mail to an address."""
    assert (await http.post(LINKS, json={"email": email})).status_code == 202
    told = (await messages())[-1]
    assert (told.template, told.recipient) == ("your_data", email)
    return {"Authorization": f"Bearer {told.values['link'].partition('token=')[2]}"}


async def test_a_guest_takes_their_data_along_and_is_forgotten(
    app: Any, client: httpx.AsyncClient, messages: Messages, grocer: SeededShop, shop: Shop, rows: Rows
) -> None:
    core, number = app.state.core, await _buy(client, grocer, GUEST)
    async with browser_at(app, grocer, address="203.0.113.5") as elsewhere:
        mine = await _proved(elsewhere, messages, GUEST)
        assert (await elsewhere.post(EXPORTS, headers=mine)).status_code == 202
        assert await making.see_to(core.database, core.settings, shop)
        assert (await messages())[-1].template == "export_ready"
        (made,) = (await elsewhere.get(EXPORTS, headers=mine)).json()["items"]
        file = await elsewhere.get(f"{EXPORTS}/{made['id']}/file", headers=mine)
        archive = zipfile.ZipFile(BytesIO(file.content))
        orders = [json.loads(line) for line in archive.read("orders.jsonl").splitlines()]
        assert [(one["number"], one["email"]) for one in orders] == [(number, GUEST)]

        asked = await elsewhere.post(ERASURE, headers=mine, json={"confirmation": "FORGET ME"})
        assert asked.status_code == 202
        assert (await elsewhere.get(ERASURE, headers=mine)).json()["stays"]["waits_for"]["orders"] == [number]
        for path in ("/v1/store/orders", "/v1/store/accounts/current"):
            assert (await elsewhere.get(path, headers=mine)).status_code == 401, "it is good for nothing else"
        assert (await elsewhere.get(f"{EXPORTS}/{made['id']}/file")).status_code == 401

        rows("UPDATE orders SET fulfilment_state = 'delivered', status = 'delivered'")
        due = clock.now() + GRACE
        with clock.use(lambda: due + timedelta(minutes=1)):
            assert not await parting.see_to(core.database, core.settings, shop)
            assert (await messages())[-1].template == "erasure_done"
            rows("UPDATE message SET status = 'sent' WHERE status = 'queued'")
        with clock.use(lambda: due + timedelta(minutes=3)):
            assert await parting.see_to(core.database, core.settings, shop)
        assert rows("SELECT email, email_digest FROM orders") == [(None, None)]
        assert (await elsewhere.get(EXPORTS, headers=mine)).json()["code"] == "privacy.link_over"


async def test_whether_an_address_is_known_is_told_to_its_owner_alone(
    client: httpx.AsyncClient, messages: Messages, grocer: SeededShop, shop: Shop, rows: Rows
) -> None:
    await _buy(client, grocer, GUEST)
    answers = [await client.post(LINKS, json={"email": one}) for one in (GUEST, STRANGER)]
    assert {(one.status_code, one.text.replace(GUEST, "").replace(STRANGER, "")) for one in answers} == {
        (202, '{"sent_to":""}')
    }
    known, unknown = await messages()
    assert [one.template for one in (known, unknown)] == ["your_data", "your_data"]

    theirs = await _proved(client, messages, STRANGER)
    refused = await client.get(EXPORTS, headers=theirs)
    assert (refused.status_code, refused.json()["code"]) == (404, "privacy.nothing_kept")
    assert rows("SELECT count(*) FROM customer WHERE starts_with(reference, 'guest-')") == [(0,)]
    assert (await client.get(EXPORTS, headers={"Authorization": "Bearer twp_nothing"})).status_code == 401


async def test_a_link_to_an_account_signs_in_to_it(client: httpx.AsyncClient, messages: Messages, shop: Shop) -> None:
    await register(client, messages)
    await client.post(LINKS, json={"email": EMAIL})
    assert "/sign-in/link?token=" in (await messages())[-1].values["link"]


async def test_nobody_is_sent_links_by_the_dozen(app: Any, client: httpx.AsyncClient, grocer: SeededShop) -> None:
    answers = [(await client.post(LINKS, json={"email": STRANGER})).status_code for _ in range(11)]
    assert answers[0] == 202
    assert answers[-1] == 429
