"""Reviews on pages, from the order to the product's page by way of the shop's desk, without any script."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from tests.backoffice.conftest import SAME
from tests.storefront.conftest import Browser, form_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.access.team import Team
    from tests.factories import SeededShop

DESK = "/back-office/reviews"
FORM = "/p/tomato-soup/review"
SAID = {"rating": "4", "title": "Warm <3", "body": "With bread.\r\nTwice.", "author": "Ada"}


@pytest.fixture
async def shopper(app: Any, grocer: SeededShop) -> AsyncIterator[Browser]:
    """A customer's browser."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=SAME) as http:
        await http.post("/v1/store/sessions", json={"reference": "household-1"})
        yield Browser(http)


async def _buy(http: httpx.AsyncClient, shop: SeededShop) -> str:
    cart = (await http.post("/v1/store/carts")).json()
    line = {"variant_id": str(shop.products[0].variant_id), "quantity": 1}
    await http.post(f"/v1/store/carts/{cart['id']}/lines", json=line)
    paid = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "a@b.example"}
    headers = {"Idempotency-Key": "one"}
    placed = await http.post(f"/v1/store/carts/{cart['id']}/complete", json=paid, headers=headers)
    assert placed.status_code == 201, placed.text
    order_id: str = placed.json()["id"]
    return order_id


async def test_from_an_order_to_the_products_page_by_way_of_the_desk(
    shopper: Browser, admin: httpx.AsyncClient, grocer: SeededShop
) -> None:
    assert "reviews.not_bought" in await shopper.see(FORM, 403)
    assert "Write a review" not in await shopper.see("/p/tomato-soup")
    order = await shopper.see(f"/orders/{await _buy(shopper.http, grocer)}")
    assert f'href="{FORM}"' in order

    form = form_of(await shopper.see(FORM), FORM)
    missing = await shopper.send(form, rating="9", title="<b>x</b>")
    assert missing.status_code == 422
    assert "&lt;b&gt;x&lt;/b&gt;" in missing.text
    sent = await shopper.send(form, **SAID)
    assert (sent.status_code, sent.headers["location"]) == (303, "/p/tomato-soup")
    assert "We read it first" in await shopper.see("/reviews")
    assert "Nobody has reviewed this yet" in await shopper.see("/p/tomato-soup")

    waits = (await admin.get(DESK)).text
    assert "Warm &lt;3" in waits
    publish = re.search(rf'action="({DESK}/[^/"]+)/publication"', waits)
    assert publish is not None
    stale = await admin.post(f"{publish[1]}/publication", data={"version": "7"})
    assert (stale.status_code, "reviews.stale" in stale.text) == (409, True)
    published = await admin.post(f"{publish[1]}/publication", data={"version": "1"})
    assert published.status_code == 303
    await admin.post(f"{publish[1]}/answer", data={"answer": "Thank you."})

    seen = await shopper.see("/p/tomato-soup?order=helpful")
    assert "With bread.\nTwice." in seen
    assert "Thank you." in seen
    told = re.search(r'<script type="application/ld\+json">(.*?)</script>', seen)
    assert told is not None
    product = json.loads(told[1])
    assert product["aggregateRating"]["ratingValue"] == 4.0
    assert product["review"][0]["name"] == "Warm <3"
    assert 'data-rating="4.0"' in await shopper.see("/")
    assert "None with so many stars." in await shopper.see("/p/tomato-soup?stars=1")
    own = await shopper.send(form_of(seen, publish[1].replace("/back-office", "") + "/helpful"))
    assert own.status_code == 403
    reported = await shopper.send(form_of(seen, publish[1].replace("/back-office", "") + "/reports"), reason="illegal")
    assert reported.status_code == 303
    assert "breaks the law" in (await admin.get(f"{DESK}?show=reported")).text

    again = form_of(await shopper.see(FORM), FORM)
    assert again.fields["version"] == "1"
    await shopper.send(again, **{**SAID, "rating": "2"})
    why = {"version": "2", "reason": "off_topic", "note": "It is about bread."}
    assert (await admin.post(f"{publish[1]}/rejection", data=why)).status_code == 303
    own_list = await shopper.see("/reviews")
    assert "it is not about the product" in own_list
    assert "It is about bread." in own_list
    removed = await shopper.send(form_of(own_list, publish[1].replace("/back-office", "") + "/remove"))
    assert removed.status_code == 303
    assert "Nothing yet" in await shopper.see("/reviews")


async def test_a_vendor_answers_what_is_published_of_its_own_products(
    shopper: Browser, admin: httpx.AsyncClient, team: Team, grocer: SeededShop
) -> None:
    mill = (await admin.put("/v1/admin/vendors/mill", json={"name": "The Mill"})).json()
    hired = await team.hire("vendor", email="mill@vendor.example", vendor_id=UUID(mill["id"]))
    miller = await team.browser(hired)
    miller.headers.update(SAME)
    await _buy(shopper.http, grocer)
    written = (await shopper.http.post("/v1/store/products/tomato-soup/reviews", json={"rating": 3})).json()
    await admin.post(f"{DESK}/{written['id']}/publication", data={"version": "1"})
    answer = f"/back-office/vendor/reviews/{written['id']}/answer"
    refused = await miller.post(answer, data={"answer": "Thank you."})
    assert (refused.status_code, "reviews.not_found" in refused.text) == (404, True)

    await admin.post("/v1/admin/vendors/mill/products", json={"product_ids": [str(grocer.products[0].product_id)]})
    assert (await miller.post(answer, data={"answer": "Thank you."})).status_code == 303
    assert "The Mill answered" in (await miller.get("/back-office/vendor/reviews")).text
    assert "The Mill answers" in await shopper.see("/p/tomato-soup")
    assert (await miller.get(DESK)).status_code == 403
    assert (await miller.post(f"{answer}/removal", data={})).status_code == 303
    assert "The Mill answers" not in await shopper.see("/p/tomato-soup")


async def test_whoever_may_not_decide_sees_and_cannot_decide(analyst: httpx.AsyncClient) -> None:
    assert (await analyst.get(DESK)).status_code == 200
    path = f"{DESK}/01930000-0000-7000-8000-000000000000/publication"
    assert (await analyst.post(path, data={"version": "1"})).status_code == 403
