"""A vendor's pages: its own products, written and proposed by the same forms as staff's, and nobody else's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from fastapi.routing import APIRoute

from backoffice.shelf import OF_SHOP, OF_VENDOR
from tests.backoffice.conftest import SAME
from tests.backoffice.test_product_media import _sent
from tests.backoffice.test_products import FORM, _code, _filled, _set_up
from tests.commerce.test_products import Shelf
from tests.studio import thirds

if TYPE_CHECKING:
    import httpx

    from tests.access.team import Team
    from tests.factories import SeededShop

Json = dict[str, Any]
FILLED = FORM | {"brand": ""}


async def _vendor(team: Team, admin: httpx.AsyncClient, code: str) -> httpx.AsyncClient:
    """The browser of somebody of a vendor."""
    made = (await admin.put(f"/v1/admin/vendors/{code}", json={"name": code.title()})).raise_for_status().json()
    hired = await team.hire("vendor", email=f"{code}@vendor.example", vendor_id=UUID(made["id"]))
    browser = await team.browser(hired)
    browser.headers.update(SAME)
    return browser


@pytest.fixture
async def miller(team: Team, admin: httpx.AsyncClient, grocer: SeededShop) -> httpx.AsyncClient:
    return await _vendor(team, admin, "mill")


async def test_a_vendor_writes_submits_reads_why_not_and_proposes(
    admin: httpx.AsyncClient, miller: httpx.AsyncClient
) -> None:
    shelf = await _set_up(admin)
    assert f'href="{OF_VENDOR}"' in (await miller.get("/back-office")).text
    unknown = await miller.post(OF_VENDOR, data=FORM)
    assert (unknown.status_code, _code(unknown)) == (404, "catalog.brand_not_found")
    assert 'id="brand-fault"' in unknown.text, "a vendor makes no brands"
    wrong = await miller.post(OF_VENDOR, data=FILLED | {"attributes.weight": "heavy"})
    assert 'id="attributes.weight-fault"' in wrong.text

    made = await miller.post(OF_VENDOR, data=FILLED)
    assert made.status_code == 303, made.text
    at = made.headers["location"]
    product = {"id": at.removeprefix(f"{OF_VENDOR}/")}
    assert (await shelf.read(product))["vendor"] == "mill"
    assert (await miller.post(f"{at}/media/uploads", data={"alt": "Front"}, files=_sent(thirds()))).status_code == 303
    page = (await miller.get(at)).text
    assert "Submit for review" in page
    assert "Publish" not in page
    assert (await miller.post(f"{at}/submission", data={"version": _version(page)})).status_code == 303
    assert "In review" in (await miller.get(f"{OF_VENDOR}?status=in_review")).text
    version = _version((await admin.get(f"{OF_SHOP}/{product['id']}")).text)
    await admin.post(f"{OF_SHOP}/{product['id']}/rejection", data={"version": version, "reason": "Say what it weighs."})
    page = (await miller.get(at)).text
    assert "Rejected: Say what it weighs." in page
    assert "boss@" not in page, "who of the shop's staff did what is theirs"
    assert (await miller.post(at, data=_filled(page) | {"attributes.weight": "210"})).status_code == 303
    await miller.post(f"{at}/submission", data={"version": _version((await miller.get(at)).text)})
    await shelf.step(await shelf.read(product), "publication")

    page = (await miller.get(at)).text
    assert (await miller.post(at, data=_filled(page) | {"title": "Washed shirt"})).status_code == 303
    page = (await miller.get(at)).text
    assert "<del>Linen shirt</del>" in page
    assert "Washed shirt</ins>" in page
    assert "Throw the change away" in page
    assert (await shelf.read(product))["title"] == "Linen shirt", "it is a proposal"
    thrown = await miller.post(f"{at}/withdrawal", data={"version": _version(page)})
    assert thrown.status_code == 303
    page = (await miller.get(at)).text
    assert "Washed shirt" not in page
    refused = await miller.post(f"{at}/media/{await _medium(shelf, product)}/removal", data={})
    assert (refused.status_code, _code(refused)) == (409, "media.review_needed")
    copied = await miller.post(f"{at}/copies", data={})
    assert copied.status_code == 303
    assert (await miller.get(OF_VENDOR)).text.count("Linen shirt") == 2


async def test_a_vendor_opens_no_page_of_anothers_product_and_staff_none_of_a_vendors(
    app: Any, admin: httpx.AsyncClient, miller: httpx.AsyncClient, team: Team, grocer: SeededShop
) -> None:
    baker = await _vendor(team, admin, "bakery")
    theirs = (await baker.post(OF_VENDOR, data=FILLED | {"type": "", "title": "Rye"})).headers["location"]
    await baker.post(f"{theirs}/media/uploads", data={"alt": "Front"}, files=_sent(thirds()))
    shelf = Shelf(admin)
    product = {"id": theirs.removeprefix(f"{OF_VENDOR}/")}
    medium, before = await _medium(shelf, product), await shelf.read(product)
    ids = {"{product_id}": product["id"], "{media_id}": medium}
    of_the_shop = {"{product_id}": str(grocer.products[0].product_id), "{media_id}": medium}
    found = 0
    for route in app.router.routes:
        if not isinstance(route, APIRoute) or not route.path.startswith(f"{OF_VENDOR}/{{product_id}}"):
            continue
        for named in (ids, of_the_shop):
            path = re.sub(r"\{\w+\}", lambda name, named=named: named[name[0]], route.path)  # type: ignore[misc]
            for method in route.methods:
                asked = await miller.request(method, path, **_valid(method, route.path))
                assert (asked.status_code, _code(asked) or "catalog.product_not_found") == (
                    404,
                    "catalog.product_not_found",
                ), (method, path)
                found += 1
    assert found > 20
    assert await shelf.read(product) == before
    assert [one["alt"] for one in (await shelf.ask("GET", f"/products/{product['id']}/media"))["items"]] == ["Front"]
    listed = (await miller.get(OF_VENDOR)).text
    assert "Rye" not in listed
    assert "Tomato" not in listed
    for path in (OF_VENDOR, theirs, f"{theirs}/media"):
        assert (await admin.get(path)).status_code == 403
    for path in (OF_SHOP, f"{OF_SHOP}/{product['id']}", f"{OF_SHOP}/{product['id']}/media"):
        assert (await miller.get(path)).status_code == 403


def _valid(method: str, path: str) -> Json:
    """A form that would be taken if the product were theirs."""
    if method == "GET":
        return {}
    if path.endswith(("/uploads", "/sets")):
        return {"data": {"alt": "x"}, "files": _sent(thirds())}
    if path.endswith("/pictures"):
        return {"files": _sent(thirds())}
    forms: dict[str, Json] = {
        "fetched": {"url": "https://pictures.example/x.png", "alt": "x"},
        "videos": {"url": "https://vimeo.com/76979871", "alt": "x"},
        "place": {"place": "0"},
        "{media_id}": {"alt": "x", "focal_x": "1", "focal_y": "1"},
        "{product_id}": FILLED | {"type": "", "version": "1"},
        "submission": {"version": "1"},
        "withdrawal": {"version": "1"},
    }
    return {"data": forms.get(path.rsplit("/", 1)[1], {})}


async def _medium(shelf: Shelf, product: Json) -> str:
    found = await shelf.ask("GET", f"/products/{product['id']}/media")
    medium: str = found["items"][0]["id"]
    return medium


def _version(page: str) -> str:
    return _filled(page)["version"]
