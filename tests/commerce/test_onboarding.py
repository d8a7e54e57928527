"""Opening a shop: in a few steps, all of it or nothing, once."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import openpyxl
import orjson
import psycopg
import pytest
from pydantic import ValidationError
from sqlalchemy import text

from commerce.app import create_app
from commerce.onboarding import products_file
from commerce.onboarding.names import RESERVED
from commerce.onboarding.schemas import BeginIn
from commerce.onboarding.service import PREFIX, tenant_of
from commerce.plans import service as plans
from commerce.retention import running as retention
from foundation import clock, sealing, workbooks
from foundation.database import Tx, hot
from tests.factories import SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from foundation.settings import Settings
    from tests.conftest import DatabaseUrls

BEGIN = {"name": "Acme Goods", "slug": "acme", "email": "ada@example.com", "password": "correct horse battery staple"}
ANSWERS: dict[str, Any] = {
    "selling": {
        "currency": "EUR",
        "home": "DE",
        "countries": ["DE", "FR"],
        "zone": "Europe/Berlin",
        "rates": [{"country": "DE", "rate": "0.19"}, {"country": "FR", "rate": "0.20", "name": "TVA"}],
    },
    "stock": {"code": "berlin", "name": "Berlin", "sample": True},
    "paying": {"provider": "test"},
    "look": {"accent": "#aa3311", "headline": "All you need"},
}
CSV = "sku,title,price,stock,category\nA-1,Anvil,19.99,3,Heavy\nA-2,Rocket skates,249,,\n"
CURRENT = "/v1/sign-ups/current"


@pytest.fixture
async def platform(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        yield http


async def _begin(platform: httpx.AsyncClient, **changed: Any) -> dict[str, Any]:
    answer = await platform.post("/v1/sign-ups", json=BEGIN | changed)
    assert answer.status_code == 201, answer.text
    begun: dict[str, Any] = answer.json()
    platform.headers["Authorization"] = f"Bearer {begun['token']}"
    return begun


async def _products(platform: httpx.AsyncClient, body: str | bytes) -> httpx.Response:
    return await platform.put(f"{CURRENT}/products", content=body, headers={"Content-Type": "text/csv"})


async def test_a_shop_is_open_after_four_steps(platform: httpx.AsyncClient) -> None:
    begun = await _begin(platform)
    assert begun["sign_up"]["missing"] == ["selling", "stock", "paying"]
    assert (await platform.patch(CURRENT, json=ANSWERS)).json()["missing"] == []
    assert (await _products(platform, CSV)).json() == {"products": 2}

    opened = (await platform.post(f"{CURRENT}/finish")).json()

    assert opened["address"] == "http://acme.localhost:8000"
    assert opened["status"] == "active"
    shop = {"Host": "acme.localhost"}
    found = (await platform.get("/v1/store/search", params={"q": "anvil"}, headers=shop)).json()["items"]
    assert [(one["title"], one["price"]) for one in found] == [("Anvil", {"amount": 1999, "currency": "EUR"})]
    listed = (await platform.get("/v1/store/products", params={"limit": 100}, headers=shop)).json()["items"]
    assert len(listed) == 26
    staff = shop | {"Authorization": f"Bearer {opened['api_key']}"}
    configuration = (await platform.get("/v1/admin/configuration", headers=staff)).json()["configuration"]
    assert configuration["theme"]["accent"] == "#aa3311"
    taxes = (await platform.get("/v1/admin/taxes", headers=staff)).json()
    assert {rate["country"]: rate["name"] for rate in taxes["rates"]} == {"DE": "VAT", "FR": "TVA"}
    levels = (await platform.get("/v1/admin/inventory/stock", params={"sku": "A-1"}, headers=staff)).json()
    assert levels["items"][0]["available"] == 3
    (owner,) = (await platform.get("/v1/admin/staff", headers=staff)).json()["items"]
    assert (owner["email"], owner["roles"], owner["status"]) == ("ada@example.com", ["admin"], "active")


@pytest.mark.parametrize(("room", "status", "listed"), [(10, 200, 10), (2, 200, 2), (1, 402, 0)])
async def test_a_shop_opens_with_as_many_products_as_its_plan_has_room_for(
    platform: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, room: int, status: int, listed: int
) -> None:
    standing = plans.standing

    async def small(tx: Tx) -> plans.Standing:
        found = await standing(tx)
        return replace(found, plan=found.plan.overridden({"products": room}))

    monkeypatch.setattr(plans, "standing", small)
    await _begin(platform)
    await platform.patch(CURRENT, json=ANSWERS)
    await _products(platform, CSV)

    opened = await platform.post(f"{CURRENT}/finish")

    assert opened.status_code == status, opened.text
    if status == 402:
        assert opened.json()["code"] == "plans.limit_reached"
        assert (opened.json()["metric"], opened.json()["limit"]) == ("products", room)
        assert (await platform.get(CURRENT)).json()["finished"] is False
    else:
        found = await platform.get("/v1/store/products", params={"limit": 100}, headers={"Host": "acme.localhost"})
        assert len(found.json()["items"]) == listed


async def test_finishing_again_does_nothing_more(platform: httpx.AsyncClient, database_urls: DatabaseUrls) -> None:
    await _begin(platform)
    await platform.patch(CURRENT, json=ANSWERS)

    answers = await asyncio.gather(*(platform.post(f"{CURRENT}/finish") for _ in range(3)))

    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    assert len({answer.text for answer in answers}) == 1
    with psycopg.connect(database_urls.owner) as owner:
        assert owner.execute("SELECT slug, status FROM tenant").fetchall() == [("acme", "active")]
    refused = await platform.patch(CURRENT, json={"name": "Other"})
    assert (refused.status_code, refused.json()["code"]) == (409, "onboarding.finished")


async def test_of_two_who_want_a_name_one_gets_it_and_the_other_goes_on(
    app: Any, platform: httpx.AsyncClient, database_urls: DatabaseUrls
) -> None:
    tokens = [(await _begin(platform))["token"] for _ in range(2)]
    for token in tokens:
        await platform.patch(CURRENT, json=ANSWERS, headers={"Authorization": f"Bearer {token}"})

    answers = [
        await platform.post(f"{CURRENT}/finish", headers={"Authorization": f"Bearer {token}"}) for token in tokens
    ]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["code"] == "tenancy.name_taken"
    with psycopg.connect(database_urls.app) as connection:
        loser = connection.execute("SELECT id FROM tenant WHERE status = 'draft'").fetchone()
        assert loser is not None
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(loser[0]),))
        assert connection.execute("SELECT count(*) FROM warehouse").fetchone() == (0,), "nothing is half done"
    assert (await platform.patch(CURRENT, json={"slug": "acme-two"})).status_code == 200
    assert (await platform.post(f"{CURRENT}/finish")).json()["slug"] == "acme-two"


async def test_a_name_that_is_another_shops_is_refused_at_once(platform: httpx.AsyncClient, grocer: SeededShop) -> None:
    answer = await platform.post("/v1/sign-ups", json=BEGIN | {"slug": grocer.slug})

    assert (answer.status_code, answer.json()["code"]) == (409, "tenancy.name_taken")


@pytest.mark.parametrize("slug", ["www", "-a", "a--b", "ab", "a.b", "xn-abc", "draft-1", "a" * 41, "1abc", "ä", ""])
def test_some_names_are_nobodys(slug: str) -> None:
    with pytest.raises(ValidationError):
        BeginIn.model_validate(BEGIN | {"slug": slug})


def test_every_reserved_name_could_be_a_name_otherwise() -> None:
    assert {"www", "api", "admin", "sign-up"} <= RESERVED


async def test_a_shop_without_its_steps_is_not_opened(platform: httpx.AsyncClient) -> None:
    await _begin(platform)
    await platform.patch(CURRENT, json={"paying": {"provider": "test"}})

    answer = await platform.post(f"{CURRENT}/finish")

    assert (answer.status_code, answer.json()["missing"]) == (409, ["selling", "stock"])
    unknown = await platform.patch(CURRENT, json={"paying": {"provider": "barter"}})
    assert unknown.json()["code"] == "payments.unknown_provider"


async def test_every_bad_row_is_told_and_none_is_taken(platform: httpx.AsyncClient) -> None:
    await _begin(platform)
    await platform.patch(CURRENT, json=ANSWERS)
    assert (await _products(platform, CSV)).status_code == 200

    answer = await _products(
        platform,
        "sku,title,price,stock\nA,Good,1.00,5\n,No number,1.00,5\nC,Bad price,1.234,5\nA,Twice,1,1\nE,Units,1,-1\nF,Few\n",
    )

    assert answer.json()["code"] == "onboarding.bad_rows"
    assert [(bad["line"], bad["column"]) for bad in answer.json()["problems"]] == [
        (3, "sku"),
        (4, "price"),
        (5, "sku"),
        (6, "stock"),
        (7, ""),
    ]
    assert (await platform.get(CURRENT)).json()["products"] == 2, "those of the earlier file stay"


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b"", 1, "sku"),
        (b"sku,title,price,colour\n", 1, "colour"),
        (b"sku,sku,title,price\n", 1, "sku"),
        (b"sku,title,price\nA,\xff,1\n", 2, ""),
        (b'sku,title,price\nA,"open,1\n', 2, ""),
        (b"sku,title,price\nA,B,NaN\n", 2, "price"),
        (b"sku,title,price\nA,B,1e3\n", 2, "price"),
        (b"sku,title,price\nA,B,-1\n", 2, "price"),
        (b"sku,title,price\nA,B,1_000\n", 2, "price"),
        (b"sku,title,price\nA,\x00,1\n", 2, "title"),
        (b'sku,title,price\nA,"two\nlines",1\n', 3, "title"),
        ("sku,title,price\nA,B,\uff11\n".encode(), 2, "price"),
        ("sku,title,price\nA,\u202eB,1\n".encode(), 2, "title"),
        (b"PK\x03\x04 and nothing more", 1, ""),
        (b"sku,title,price\n" + b"A" * 101 + b",B,1\n", 2, "sku"),
    ],
)
def test_what_is_no_list_of_products_is_told_by_its_line(body: bytes, line: int, column: str) -> None:
    read = products_file.read(body, "EUR")

    assert (read.problems[0].line, read.problems[0].column) == (line, column)


def test_a_spreadsheets_file_is_read() -> None:
    read = products_file.read(b'\xef\xbb\xbfTitle;SKU;Price\r\n"Anvil; heavy";A-1;500\r\n', "JPY")

    assert [(one.sku, one.title, one.price) for one in read.products] == [("A-1", "Anvil; heavy", 500)]
    assert read.problems == []


async def test_a_draft_is_opened_by_its_token_alone_and_expires(
    app: Any, platform: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await _begin(platform))["token"]
    for other in ("", "x", token[:-1] + ("a" if token[-1] != "a" else "b"), token.replace("tws_", "two_")):
        answer = await platform.get(CURRENT, headers={"Authorization": f"Bearer {other}"})
        assert answer.status_code == 401
    assert (await platform.get(CURRENT)).status_code == 200
    later = clock.now() + timedelta(days=8)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await platform.get(CURRENT)).status_code == 401
    core = app.state.core
    await retention.go_round(core.database, core.settings)
    async with core.database.tx(tenant_of(PREFIX, token)) as tx:
        for table in ("sign_up", "subject_key"):
            assert not await tx.rows(hot(text(f"SELECT id FROM {table} WHERE tenant_id = :tenant_id")))


async def test_shops_are_opened_at_the_platforms_own_host(platform: httpx.AsyncClient, grocer: SeededShop) -> None:
    answer = await platform.post("/v1/sign-ups", json=BEGIN, headers={"Host": grocer.host})

    assert (answer.status_code, answer.json()["code"]) == (404, "onboarding.not_here")


async def test_nobody_begins_shops_by_the_dozen(platform: httpx.AsyncClient) -> None:
    weak = BEGIN | {"password": "short"}

    codes = [(await platform.post("/v1/sign-ups", json=weak)).status_code for _ in range(11)]

    assert codes == [422] * 10 + [429]


async def test_in_production_a_shop_opens_once_its_owner_has_proved_their_address(settings: Settings) -> None:
    strict = settings.model_copy(update={"environment": "production", "platform_host": "shops.example"})
    app = create_app(strict)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with started(app), httpx.AsyncClient(transport=transport, base_url="https://shops.example") as http:
        await _begin(http)
        await http.patch(CURRENT, json=ANSWERS | {"paying": {"provider": "cod"}})
        opened = (await http.post(f"{CURRENT}/finish")).json()
        assert (opened["address"], opened["status"]) == ("https://acme.shops.example", "unverified")
        shop = {"Host": "acme.shops.example"}
        assert (await http.get("/v1/store/products", headers=shop)).status_code == 503
        proof = await _proof(app)

        assert (await http.post("/v1/sign-ups/proofs", json={"token": proof[:-1] + "0"})).status_code == 401
        assert (await http.post("/v1/sign-ups/proofs", json={"token": proof})).status_code == 200
        assert (await http.get("/v1/store/products", headers=shop)).status_code == 200


async def _proof(app: Any) -> str:
    """The token in the link of the mail to the owner."""
    database = app.state.core.database
    async with database.transaction(None) as session:
        (tenant_id,) = (await session.execute(text("SELECT id FROM tenant"))).one()
    async with database.tx(tenant_id) as tx:
        row = await tx.one(hot(text("SELECT content FROM message WHERE tenant_id = :tenant_id")))
        (content,) = await sealing.unseal(tx, [row["content"]])
    found = re.search(r"token=(two_\w+)", orjson.loads(content)["link"])
    assert found
    return found[1]


async def test_a_workbook_of_products_is_read(platform: httpx.AsyncClient) -> None:
    await _begin(platform)
    await platform.patch(CURRENT, json=ANSWERS)
    book = openpyxl.Workbook()
    for row in (("SKU", "Title", "Price", "Stock"), ("A-1", "Anvil", 15 * 1.19, 3), (), ("A-2", "Rope", 4, None)):
        book.active.append(row)
    book.save(written := io.BytesIO())

    answer = await platform.put(
        f"{CURRENT}/products", content=written.getvalue(), headers={"Content-Type": workbooks.MEDIA_TYPE}
    )

    assert answer.json() == {"products": 2}
    read = products_file.read(written.getvalue(), "EUR")
    assert [(one.sku, one.title, one.price, one.stock) for one in read.products] == [
        ("A-1", "Anvil", 1785, 3),
        ("A-2", "Rope", 400, 0),
    ]


async def test_products_of_another_form_are_not_taken(platform: httpx.AsyncClient) -> None:
    await _begin(platform)
    answer = await platform.put(f"{CURRENT}/products", content=b"<x/>", headers={"Content-Type": "application/xml"})
    assert (answer.status_code, answer.json()["code"]) == (415, "onboarding.unknown_format")
