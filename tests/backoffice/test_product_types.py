"""The pages of types, attributes and brands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.commerce.test_attributes import SHADES, Desk
from tests.commerce.test_products import Shelf

if TYPE_CHECKING:
    import httpx

    from tests.factories import SeededShop

TYPES, ATTRIBUTES, BRANDS = "/back-office/product-types", "/back-office/attributes", "/back-office/brands"


async def test_types_and_attributes_are_kept_on_a_page(admin: httpx.AsyncClient, grocer: SeededShop) -> None:
    desk = Desk(admin)
    shades = {
        "code": "colour",
        "name": "Colour",
        "kind": "colour",
        "unit": "",
        "choices": "navy Navy #1F2A44\nsand Sand #d8c3a5",
    }
    assert (await admin.post(ATTRIBUTES, data=shades)).status_code == 303
    weight = {"code": "weight", "name": "Weight", "kind": "number", "unit": "g", "choices": ""}
    assert (await admin.post(ATTRIBUTES, data=weight)).status_code == 303
    made = await admin.post(TYPES, data={"code": "shirt", "name": "Shirt", "attributes": "weight*\ncolour"})
    assert made.headers["location"] == TYPES
    assert (await desk.ask("GET", "/attributes/colour"))["choices"] == SHADES
    assert (await desk.ask("GET", "/product-types/shirt"))["attributes"] == [
        {"attribute": "weight", "required": True},
        {"attribute": "colour", "required": False},
    ]

    retired = {"name": "Colour", "choices": "navy Navy #1f2a44", "retired": "on", "version": "1"}
    assert (await admin.post(f"{ATTRIBUTES}/colour", data=retired)).status_code == 303
    left = await desk.ask("GET", "/attributes/colour")
    assert (left["retired"], [one["code"] for one in left["choices"]]) == (True, ["navy"])
    page = (await admin.get(TYPES)).text
    assert "navy Navy #1f2a44</textarea>" in page
    assert "Retired" in page

    refused = await admin.post(f"{ATTRIBUTES}/weight/removal", data={})
    assert (refused.status_code, 'data-problem="catalog.attribute_in_use"' in refused.text) == (409, True)
    wrong = await admin.post(ATTRIBUTES, data=weight | {"code": "Length"})
    assert wrong.status_code == 422
    assert 'value="Length"' in wrong.text
    assert (
        await admin.post(f"{TYPES}/shirt", data={"name": "Shirts", "attributes": "", "version": "1"})
    ).status_code == 303
    for path in (f"{TYPES}/shirt", f"{ATTRIBUTES}/weight", f"{ATTRIBUTES}/colour"):
        assert (await admin.post(f"{path}/removal", data={})).status_code == 303
    assert (await desk.ask("GET", "/attributes"))["items"] == []


async def test_brands_are_kept_on_a_page(admin: httpx.AsyncClient, grocer: SeededShop) -> None:
    assert (await admin.post(BRANDS, data={"name": "Acme", "slug": ""})).status_code == 303
    taken = await admin.post(BRANDS, data={"name": "ACME", "slug": ""})
    assert (taken.status_code, 'data-problem="catalog.brand_taken"' in taken.text) == (409, True)
    product = await Shelf(admin).add()
    renamed = {"name": "Acme & Sons", "slug": "acme-and-sons", "version": "1"}
    assert (await admin.post(f"{BRANDS}/acme", data=renamed)).status_code == 303
    assert (await Shelf(admin).read(product))["brand"] == "Acme & Sons"
    used = await admin.post(f"{BRANDS}/acme-and-sons/removal", data={})
    assert (used.status_code, 'data-problem="catalog.brand_in_use"' in used.text) == (409, True)


async def test_who_only_reads_sees_no_forms(admin: httpx.AsyncClient, analyst: httpx.AsyncClient) -> None:
    desk = Desk(admin)
    await desk.attribute("colour", "colour", choices=SHADES)
    await desk.type("shirt", "colour")
    await desk.ask("POST", "/brands", {"name": "Acme"}, 201)
    for path, words in ((TYPES, "Shirt"), (BRANDS, "Acme")):
        page = await analyst.get(path)
        assert words in page.text
        assert "<form" not in page.text.partition("<main")[2]
        assert (await analyst.post(path, data={})).status_code == 403


async def test_sales_channels_are_kept_on_a_page(admin: httpx.AsyncClient, analyst: httpx.AsyncClient) -> None:
    path = "/back-office/sales-channels"
    assert (await admin.post(path, data={"code": "app", "name": "Our app"})).status_code == 303
    taken = await admin.post(path, data={"code": "app", "name": "Another"})
    assert (taken.status_code, 'data-problem="channels.taken"' in taken.text) == (409, True)
    assert (await admin.post(f"{path}/app", data={"name": "App", "version": "1"})).status_code == 303
    assert '<option value="app">App</option>' in (await admin.get("/back-office/programs")).text
    assert (await admin.post(f"{path}/app/retirement", data={})).status_code == 303
    page = (await analyst.get(path)).text
    assert ("Retired" in page, "<form" in page.partition("<main")[2]) == (True, False)
    assert '<option value="app">' not in (await admin.get("/back-office/programs")).text
