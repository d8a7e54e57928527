"""Customers review what they bought, staff decide what is shown, and what a product's reviews come to is always true."""

from __future__ import annotations

import asyncio
from math import sqrt
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest

from commerce.identity.staff import create_key
from commerce.privacy import erasing
from commerce.reviews import holding, writing
from commerce.throttling.service import Limit
from foundation.ids import new_id
from tests.commerce.conftest import Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.asking import Ask
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

MINE = "/v1/store/reviews"
THEIRS = "/v1/admin/reviews"
SOUP = "/v1/store/products/tomato-soup"
OF_SOUP = f"{SOUP}/reviews"
SAID = {"rating": 4, "title": "Good", "body": "Warm, and <3 it\nwith bread.", "author": "Ada"}


@pytest.fixture
async def ada(browser: Browser, grocer: SeededShop) -> httpx.AsyncClient:
    """A customer who has bought two soups."""
    return await _bought(browser, grocer)


@pytest.fixture
async def ben(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    """Another one who has."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        await http.post("/v1/store/sessions", json={"reference": "household-2"})
        yield await _bought(Browser(http), grocer)


async def _bought(browser: Browser, shop: SeededShop) -> httpx.AsyncClient:
    cart = await browser.add(await browser.cart(), shop.products[0].variant_id, 2)
    assert (await browser.complete(cart, email="a@b.example", key=str(new_id()))).status_code == 201
    return browser.http


async def _write(http: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await http.post(OF_SOUP, json={**SAID, **said})
    assert answer.status_code == 201, answer.text
    written: dict[str, Any] = answer.json()
    return written


async def _publish(staff: httpx.AsyncClient, review: dict[str, Any], version: int = 1) -> dict[str, Any]:
    answer = await staff.put(f"{THEIRS}/{review['id']}/publication", json={"version": version})
    assert answer.status_code == 200, answer.text
    published: dict[str, Any] = answer.json()
    return published


async def _publish_at_once(staff: httpx.AsyncClient, **more: bool) -> None:
    now = (await staff.get("/v1/admin/configuration")).json()
    rules = {"publish_at_once": True, **more}
    body = {"version": now["version"], "configuration": {**now["configuration"], "reviews": rules}}
    assert (await staff.put("/v1/admin/configuration", json=body)).status_code == 200


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_what_somebody_bought_they_review_and_staff_decide(
    ada: httpx.AsyncClient, staff: httpx.AsyncClient, rows: Ask
) -> None:
    assert _code(await ada.post("/v1/store/products/orange-juice/reviews", json=SAID)) == (403, "reviews.not_bought")
    assert _code(await ada.post("/v1/store/products/nothing/reviews", json=SAID))[0] == 404
    assert (await ada.post(OF_SOUP, json={**SAID, "body": "<b>Good</b>"})).status_code == 422

    written = await _write(ada)
    assert (written["status"], written["verified"], written["holds"]) == ("pending", True, [])
    assert _code(await ada.post(OF_SOUP, json=SAID)) == (409, "reviews.already_written")
    assert (await ada.get(OF_SOUP)).json() == {"rating": None, "items": [], "has_more": False, "next_cursor": None}
    assert (await ada.get(SOUP)).json()["rating"] is None
    waiting = (await staff.get(f"{THEIRS}?status=pending")).json()["items"]
    assert [one["id"] for one in waiting] == [written["id"]]

    await _publish(staff, written)
    (shown,) = (await ada.get(OF_SOUP)).json()["items"]
    assert {name: shown[name] for name in SAID} == SAID
    assert (await ada.get(SOUP)).json()["rating"] == {"average": 4.0, "count": 1, "stars": [0, 0, 0, 1, 0]}
    cards = {one["handle"]: one["rating"] for one in (await ada.get("/v1/store/products")).json()["items"]}
    assert (cards["tomato-soup"], cards["orange-juice"]) == ({"average": 4.0, "count": 1}, None)

    changed = await ada.put(f"{MINE}/{written['id']}", json={**SAID, "rating": 2, "version": 1})
    assert (changed.json()["status"], changed.json()["version"]) == ("pending", 2)
    assert (await ada.get(SOUP)).json()["rating"] is None
    stale = await staff.put(f"{THEIRS}/{written['id']}/publication", json={"version": 1})
    assert _code(stale) == (409, "reviews.stale")
    assert _code(await ada.put(f"{MINE}/{written['id']}", json={**SAID, "version": 1})) == (409, "reviews.stale")
    await _publish(staff, written, 2)
    assert (await ada.get(SOUP)).json()["rating"] == {"average": 2.0, "count": 1, "stars": [0, 1, 0, 0, 0]}

    why = {"version": 2, "reason": "off_topic", "note": "It is about the parcel."}
    await staff.put(f"{THEIRS}/{written['id']}/rejection", json=why)
    (own,) = (await ada.get(MINE)).json()["items"]
    assert (own["status"], own["reason"], own["note"]) == ("rejected", "off_topic", "It is about the parcel.")
    assert (await ada.get(OF_SOUP)).json()["items"] == []
    assert (await ada.delete(f"{MINE}/{written['id']}")).status_code == 204
    assert _code(await ada.get(f"{MINE}/{written['id']}")) == (404, "reviews.not_found")
    names = [name for (name,) in rows("SELECT name FROM outbox WHERE name LIKE 'review.%%' ORDER BY seq")]
    said = ["submitted", "published", "submitted", "published", "rejected", "withdrawn"]
    assert names == [f"review.{one}" for one in said]


async def test_what_has_links_or_contacts_or_is_said_twice_waits_even_where_reviews_are_shown_at_once(
    ada: httpx.AsyncClient, ben: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    await _publish_at_once(staff)
    long = "Thick and red, with a taste of basil; my children asked for more of it."
    assert (await _write(ada, body=long))["status"] == "published"
    again = await _write(ben, body=long.upper().replace(";", " -"))
    assert (again["status"], again["holds"]) == ("pending", ["repeated"])
    assert (await ada.get(SOUP)).json()["rating"]["count"] == 1

    own = await ben.put(f"{MINE}/{again['id']}", json={**SAID, "rating": 5, "version": 1})
    assert (own.json()["status"], own.json()["holds"]) == ("pending", [])
    await _publish(staff, again, 2)
    shown = await ben.put(f"{MINE}/{again['id']}", json={**SAID, "rating": 1, "version": 2})
    assert shown.json()["status"] == "published"
    assert (await ada.get(SOUP)).json()["rating"] == {"average": 2.5, "count": 2, "stars": [1, 0, 0, 1, 0]}


async def test_a_shop_may_take_reviews_from_all_customers_and_marks_them(
    ada: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    await _publish_at_once(staff, unverified=True)
    answer = await ada.post("/v1/store/products/orange-juice/reviews", json=SAID)
    assert (answer.status_code, answer.json()["verified"]) == (201, False)


@pytest.mark.parametrize(
    ("title", "body", "holds"),
    [
        ("Good", "It costs 3.50 at 10.30, e.g. on Sunday. 5/5!", []),
        ("", "Order number 100200300 came on 12.11.2026", []),
        ("", "Buy it at cheap-soups.com", ["link"]),
        ("http://x.example", "", ["link"]),
        ("", "Write to ada (at) example.com", ["contact"]),
        ("", "Call me: (201) 555-0123, or +49 30 901820", ["contact"]),
        ("Soooooooooo good", "", ["repeated"]),
        ("See www.a.example", "or ask a@b.example", ["link", "contact"]),
    ],
)
def test_what_is_held(title: str, body: str, holds: list[str]) -> None:
    assert holding.found_in(title, body, "en-US") == holds


async def test_others_say_that_it_helped_report_it_and_the_vendor_answers(
    ada: httpx.AsyncClient, ben: httpx.AsyncClient, staff: httpx.AsyncClient, app: Any, grocer: SeededShop
) -> None:
    review = await _write(ada)
    helpful = f"{MINE}/{review['id']}/helpful"
    assert _code(await ben.put(helpful)) == (404, "reviews.not_found")
    await _publish(staff, review)
    assert _code(await ada.put(helpful)) == (403, "reviews.own")
    for _ in range(2):
        assert (await ben.put(helpful)).status_code == 204
    assert (await ada.get(OF_SOUP)).json()["items"][0]["helpful"] == 1
    for _ in range(2):
        assert (await ben.delete(helpful)).status_code == 204
    assert (await ada.get(OF_SOUP)).json()["items"][0]["helpful"] == 0

    for _ in range(2):
        reported = await ben.post(f"{MINE}/{review['id']}/reports", json={"reason": "offensive"})
        assert reported.status_code == 202
    (seen,) = (await staff.get(f"{THEIRS}?reported=true")).json()["items"]
    assert seen["reports"] == {"offensive": 1}
    assert (await ada.get(OF_SOUP)).json()["items"] != []
    await _publish(staff, review)
    assert (await staff.get(f"{THEIRS}?reported=true")).json()["items"] == []

    vendor = {"name": "Soup kitchen", "commission_rate": "0.1", "commission_fee": 5}
    kitchen_id = (await staff.put("/v1/admin/vendors/kitchen", json=vendor)).json()["id"]
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Cook", vendor_id=UUID(kitchen_id))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=headers) as kitchen:
        answer = f"/v1/vendor/reviews/{review['id']}/answer"
        assert _code(await kitchen.put(answer, json={"answer": "Thank you."})) == (404, "reviews.not_found")
        await staff.post(
            "/v1/admin/vendors/kitchen/products", json={"product_ids": [str(grocer.products[0].product_id)]}
        )
        assert (await kitchen.put(answer, json={"answer": "Thank you."})).status_code == 204
        assert [one["id"] for one in (await kitchen.get("/v1/vendor/reviews")).json()["items"]] == [review["id"]]
        said = (await ada.get(OF_SOUP)).json()["items"][0]["answer"]
        assert (said["answer"], said["by"]) == ("Thank you.", "Soup kitchen")
        await staff.put(f"{THEIRS}/{review['id']}/answer", json={"answer": "We thank you, too."})
        assert (await kitchen.delete(answer)).status_code == 404
        assert _code(await kitchen.put(answer, json={"answer": "No."})) == (409, "reviews.answered_by_shop")
        assert not (await kitchen.get("/v1/vendor/reviews")).json()["items"][0]["answerable"]
    assert (await ada.get(OF_SOUP)).json()["items"][0]["answer"]["by"] == grocer.slug.title()


async def test_whoever_is_forgotten_takes_their_words_and_their_stars_along(
    ada: httpx.AsyncClient, ben: httpx.AsyncClient, staff: httpx.AsyncClient, app: Any, grocer: SeededShop, rows: Ask
) -> None:
    first, other = await _write(ada), await _write(ben, rating=2)
    await _publish(staff, first)
    await _publish(staff, other)
    await ada.put(f"{MINE}/{other['id']}/helpful")
    await ada.post(f"{MINE}/{other['id']}/reports", json={"reason": "illegal"})
    await ben.put(f"{MINE}/{first['id']}/helpful")
    (kept,) = rows("SELECT title, body, author FROM review WHERE id = %s", UUID(first["id"]))
    assert all(text.startswith("p1:") for text in kept)

    ((customer_id,),) = rows("SELECT customer_id FROM review WHERE id = %s", UUID(first["id"]))
    async with app.state.core.database.tx(grocer.id) as tx:
        await erasing.erase(tx, customer_id, actor="test", even_if_open=True)
    shown = (await ben.get(OF_SOUP)).json()
    assert [(one["id"], one["helpful"]) for one in shown["items"]] == [(other["id"], 0)]
    assert shown["rating"] == {"average": 2.0, "count": 1, "stars": [0, 1, 0, 0, 0]}
    assert rows("SELECT 1 FROM review_report") == rows("SELECT 1 FROM review_vote") == []


async def test_two_who_judged_the_same_products_and_each_other_are_forgotten_at_once(
    app: Any, grocer: SeededShop, rows: Ask, database_urls: DatabaseUrls
) -> None:
    products, people = [one.product_id for one in grocer.products[:2]], [new_id(), new_id()]
    reviews = {(who, what): new_id() for who in people for what in products}
    for who in people:
        rows(
            "INSERT INTO customer (tenant_id, id, reference, display_name) VALUES (current_tenant(), %s, %s, '')"
            " RETURNING 1",
            *(who, str(who)),
        )
    # One after the other, and the other way round.
    for who, what in [*[(people[0], one) for one in products], *[(people[1], one) for one in reversed(products)]]:
        rows(
            "INSERT INTO review (tenant_id, id, product_id, customer_id, rating, title, body, author, locale, verified,"
            " status, written_at) VALUES (current_tenant(), %s, %s, %s, 4, '', '', '', 'en', true, 'published', now())"
            " RETURNING 1",
            *(reviews[who, what], what, who),
        )
    for who, other in (people, people[::-1]):
        rows(
            "INSERT INTO review_vote (tenant_id, id, review_id, customer_id, voted_at) VALUES (current_tenant(),"
            " gen_random_uuid(), %s, %s, now()) RETURNING 1",
            *(reviews[other, products[0]], who),
        )
    # Whoever has the first of two rows is still there when the other comes for it.
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.1); RETURN new; END $$"
        )
        for table in ("product_rating", "review"):
            owner.execute(f"CREATE TRIGGER zz BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION dawdle()")

    async def forget(who: UUID) -> None:
        async with app.state.core.database.tx(grocer.id) as tx:
            await erasing.erase(tx, who, actor="test", even_if_open=True)

    await asyncio.gather(*map(forget, people))
    assert rows("SELECT count(*) FROM review")[0][0] == 0
    assert rows("SELECT DISTINCT reviews FROM product_rating") == [(0,)]


async def test_the_counts_hold_when_many_are_decided_at_once_and_the_rank_is_the_documented_one(
    staff: httpx.AsyncClient, grocer: SeededShop, rows: Ask
) -> None:
    soup, stars = grocer.products[0].product_id, [5, 5, 4, 1, 5, 3]
    ids = [new_id() for _ in stars]
    for review_id, rating in zip(ids, stars, strict=True):
        rows(
            "WITH who AS (INSERT INTO customer (tenant_id, id, reference, display_name)"
            " VALUES (current_tenant(), %s, gen_random_uuid()::text, '') RETURNING id)"
            " INSERT INTO review (tenant_id, id, product_id, customer_id, rating, title, body, author, locale, verified,"
            " status, written_at) SELECT current_tenant(), %s, %s, id, %s, '', '', '', 'en', true, 'pending', now()"
            " FROM who RETURNING 1",
            *(review_id, review_id, soup, rating),
        )
    at_once = [staff.put(f"{THEIRS}/{one}/publication", json={"version": 1}) for one in ids]
    assert {answer.status_code for answer in await asyncio.gather(*at_once)} == {200}
    ((counts, reviews, average, rank),) = rows("SELECT counts, reviews, average, rank FROM product_rating")
    assert (counts, reviews) == ([1, 0, 1, 1, 3], 6)
    assert average == pytest.approx(sum(stars) / len(stars))
    assert rank == pytest.approx(_lower_bound(counts))

    for order, expected in {"highest": [5, 5, 5, 4, 3, 1], "lowest": [1, 3, 4, 5, 5, 5], "newest": stars[::-1]}.items():
        seen, cursor = [], ""
        while True:
            page = (await staff.get(f"{OF_SOUP}?order={order}&limit=2{cursor}")).json()
            seen += [one["rating"] for one in page["items"]]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert seen == expected
    assert len((await staff.get(f"{OF_SOUP}?rating=5")).json()["items"]) == 3


def _lower_bound(counts: list[int]) -> float:
    """Of Evan Miller's "Ranking Items With Star Ratings", at 95 per cent."""
    total, kinds = sum(counts), len(counts)
    shares = [(count + 1) / (total + kinds) for count in counts]
    mean = sum(star * share for star, share in enumerate(shares, start=1))
    squares = sum(star**2 * share for star, share in enumerate(shares, start=1))
    return mean - 1.65 * sqrt((squares - mean**2) / (total + kinds + 1))


async def test_nobody_writes_without_end(ada: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    once = Limit("review in this test", 1, writing.WRITES.every, writing.WRITES.refusal)
    monkeypatch.setattr(writing, "WRITES", once)
    await _write(ada)
    assert _code(await ada.post(OF_SOUP, json=SAID)) == (429, "reviews.too_many")
