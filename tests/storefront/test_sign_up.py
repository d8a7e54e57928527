"""Opening a shop by the pages, without a script."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openpyxl
import pytest
from markupsafe import escape
from pydantic import SecretStr

from commerce.app import create_app
from foundation.settings import Settings
from storefront.pages import install
from tests.conftest import DatabaseUrls
from tests.waiting import started

BEGIN = {"name": "Acme", "slug": "acme", "email": "ada@example.com", "password": "correct horse battery staple"}
SELLING = {"currency": "EUR", "home": "de", "countries": "de, fr", "tax": "19,5", "tax_name": "VAT", "included": "on"}
STOCK = {"warehouse": "Berlin", "products": "sku,title,price,stock\r\nA-1,Anvil,19.99,3\r\n", "sample": "on"}
PAYING = {"provider": "test", "account": "", "accent": "#aa3311", "headline": "All you need"}


@pytest.fixture
async def visitor(database_urls: DatabaseUrls) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(_env_file=None, database_url=SecretStr(database_urls.app), database_pool_size=4)
    app = create_app(settings)
    install(app)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with started(app), httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        yield http


async def _send(visitor: httpx.AsyncClient, path: str, form: dict[str, Any], file: bytes = b"") -> httpx.Response:
    files = {"file": ("products", file)} if path == "/sign-up/stock" else None
    return await visitor.post(path, data=form, files=files, headers={"Origin": "http://localhost:8000"})


async def test_a_shop_is_opened_by_pages_alone(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/sign-up")).status_code == 200
    for path, form, then in (
        ("/sign-up", BEGIN, "/sign-up/selling"),
        ("/sign-up/selling", SELLING, "/sign-up/stock"),
        ("/sign-up/stock", STOCK, "/sign-up/paying"),
        ("/sign-up/paying", PAYING, "/sign-up/review"),
    ):
        answer = await _send(visitor, path, form)
        assert (answer.status_code, answer.headers.get("location")) == (303, then), answer.text
        assert (await visitor.get(then)).status_code == 200
    review = (await visitor.get("/sign-up")).headers["location"]
    assert review == "/sign-up/review", "whoever comes back goes on where they were"
    assert "1 of your own, and the sample" in (await visitor.get(review)).text

    done = await _send(visitor, "/sign-up/review", {})

    assert done.status_code == 200
    assert "http://acme.localhost:8000" in done.text
    home = await visitor.get("/", headers={"Host": "acme.localhost:8000"})
    assert (home.status_code, "All you need" in home.text, "Anvil" in home.text) == (200, True, True)


async def test_what_can_not_be_used_is_said_on_the_step_and_what_was_said_stays(visitor: httpx.AsyncClient) -> None:
    refused = await _send(visitor, "/sign-up", BEGIN | {"slug": "www"})
    assert (refused.status_code, "keeps for itself" in refused.text) == (422, True)
    await _send(visitor, "/sign-up", BEGIN)
    untaxed = await _send(visitor, "/sign-up/selling", SELLING | {"tax": "much"})
    assert (untaxed.status_code, 'value="much"' in untaxed.text, 'value="de, fr"' in untaxed.text) == (422, True, True)
    await _send(visitor, "/sign-up/selling", SELLING)

    unpriced = "sku,title,price\nA,<b>Anvil</b>,cheap\n"
    for form, file, said in (
        (STOCK | {"products": unpriced}, b"", "is no number such as 19.99"),
        (STOCK | {"products": ""}, unpriced.encode(), "is no number such as 19.99"),
        (STOCK | {"products": ""}, b"PK\x03\x04 and no more", "is no workbook"),
        (STOCK, STOCK["products"].encode(), "not both"),
    ):
        bad = await _send(visitor, "/sign-up/stock", form, file)
        assert (bad.status_code, said in bad.text) == (422, True), bad.text
        assert (escape(form["products"].strip()) in bad.text, 'value="Berlin"' in bad.text) == (True, True)
    assert 'value="DE, FR"' in (await visitor.get("/sign-up/selling")).text
    assert (await _send(visitor, "/sign-up/review", {})).status_code == 409


async def test_the_products_are_uploaded_as_a_workbook(visitor: httpx.AsyncClient) -> None:
    await _send(visitor, "/sign-up", BEGIN)
    await _send(visitor, "/sign-up/selling", SELLING)
    book = openpyxl.Workbook()
    for row in (("SKU", "Title", "Price"), ("A-1", "Anvil", 19.99), ("A-2", "Rope", 4)):
        book.active.append(row)
    book.save(written := io.BytesIO())

    kept = await _send(visitor, "/sign-up/stock", STOCK | {"products": ""}, written.getvalue())

    assert kept.headers["location"] == "/sign-up/paying", kept.text
    assert "2 are kept already" in (await visitor.get("/sign-up/stock")).text


async def test_a_step_without_a_draft_leads_to_the_beginning(visitor: httpx.AsyncClient) -> None:
    for answer in (await visitor.get("/sign-up/stock"), await _send(visitor, "/sign-up/review", {})):
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-up")
    assert (await visitor.get("/sign-up/nowhere")).status_code == 404


async def test_a_shops_own_host_opens_no_shops(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/sign-up", headers={"Host": "acme.localhost"})).status_code == 404


async def test_another_site_opens_no_shop_in_somebodys_name(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/sign-up", data=BEGIN, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
