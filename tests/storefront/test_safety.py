"""What the pages refuse, and what they never let through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from foundation.colours import contrast, rgb_of
from foundation.settings import Settings
from storefront.theme import stylesheet
from tests.factories import SeededShop
from tests.storefront.conftest import HOSTILE, Browser, Form, form_of, forms_of


async def test_a_hostile_title_is_text_on_every_page(browser: Browser, grocer: SeededShop) -> None:
    hostile = grocer.products[2]
    await browser.send(Form("/cart/lines", {"variant_id": str(hostile.variant_id)}))
    pages = [await browser.see(path) for path in ("/", "/cart", "/checkout", "/c/pantry", f"/p/{hostile.product_id}")]
    paid = await browser.send(form_of(pages[2], "/checkout"))
    pages.append(await browser.see(paid.headers["location"]))
    for page in pages:
        assert HOSTILE not in page
        assert "&lt;script&gt;alert" in page


async def test_searched_words_are_text(browser: Browser) -> None:
    page = await browser.see("/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%27%22")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://fashion.localhost"},
    ],
)
async def test_a_form_from_another_site_changes_nothing(
    browser: Browser, grocer: SeededShop, headers: dict[str, str]
) -> None:
    await browser.see("/")
    sent = {"variant_id": str(grocer.products[0].variant_id)}
    refused = await browser.http.post("/cart/lines", data=sent, headers=headers)
    assert refused.status_code == 403
    assert "request.cross_site" in refused.text
    assert "There is nothing in it yet" in await browser.see("/cart")


async def test_another_shops_product_is_not_found_here(
    browser: Browser, fashion: SeededShop, grocer: SeededShop
) -> None:
    dress = fashion.products[0]
    for path in (f"/p/{dress.handle}", f"/p/{dress.product_id}", f"/images/products/{dress.product_id}.svg"):
        assert "catalog.product_not_found" in await browser.see(path, status=404)
    refused = await browser.send(Form("/cart/lines", {"variant_id": str(dress.variant_id)}))
    assert refused.status_code == 422
    assert "catalog.variant_not_for_sale" in refused.text


@pytest.mark.one_database
@pytest.mark.parametrize(
    "quantity", ["0", "-1", "2147483648", "1.0", "1_0", " 1", "", "NaN", "\N{ARABIC-INDIC DIGIT ONE}"]
)
async def test_an_impossible_quantity_is_refused(browser: Browser, grocer: SeededShop, quantity: str) -> None:
    await browser.add("tomato-soup")
    added = await browser.send(
        Form("/cart/lines", {"variant_id": str(grocer.products[0].variant_id), "quantity": quantity})
    )
    assert (added.status_code, "request.invalid_fields" in added.text) == (422, True)
    line = next(form for form in forms_of(await browser.see("/cart")) if form.action.startswith("/cart/lines/"))
    changed = await browser.send(Form(line.action.removesuffix("/remove"), {"quantity": quantity}))
    assert (changed.status_code, "A line holds from 1 to 9,999" in changed.text) == (422, True)
    assert "$1.00 each" in await browser.see("/cart")


@pytest.mark.one_database
@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": "1"},
        {"next": "//evil.example"},
        {"next": "https://evil.example"},
        {"next": "/\\evil.example"},
        {"variant_id": "x"},
        {"decision_id": "\x00"},
    ],
)
async def test_a_field_that_no_page_sends_is_refused(
    browser: Browser, grocer: SeededShop, fields: dict[str, str]
) -> None:
    sent = {"variant_id": str(grocer.products[0].variant_id), **fields}
    assert (await browser.send(Form("/cart/lines", sent))).status_code in {400, 422}


async def test_a_repeated_field_or_a_file_is_refused(browser: Browser, grocer: SeededShop) -> None:
    variant = str(grocer.products[0].variant_id)
    twice = await browser.http.post("/cart/lines", data={"variant_id": [variant, variant]})
    assert twice.status_code == 422
    uploaded = await browser.http.post("/cart/lines", data={"variant_id": variant}, files={"file": b"x"})
    assert uploaded.status_code == 415


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/c/nowhere", 404),
        ("/p/nothing", 404),
        ("/p/%00", 400),
        ("/orders/1", 404),
        ("/orders/00000000-0000-0000-0000-000000000001", 404),
        ("/c/pantry?cursor=x", 400),
        ("/search?q=%00&cursor=%F0", 400),
    ],
)
async def test_a_wrong_address_is_a_friendly_page(browser: Browser, path: str, status: int) -> None:
    page = await browser.see(path, status=status)
    assert "<!doctype html>" in page
    assert "Code: " in page


async def test_the_api_still_answers_with_problem_documents(browser: Browser) -> None:
    response = await browser.http.get("/v1/store/products/nothing")
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_host_without_a_shop_is_told_so(browser: Browser) -> None:
    response = await browser.http.get("/", headers={"Host": "nobody.example"})
    assert response.status_code == 404
    assert "tenancy.unknown_host" in response.text


async def test_pages_load_nothing_from_elsewhere_and_are_kept_by_nobody(browser: Browser) -> None:
    response = await browser.http.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["cache-control"] == "private, no-store"
    assert "SameSite=lax" in response.headers["set-cookie"]
    assert "HttpOnly" in response.headers["set-cookie"]
    assert "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in response.text


async def test_a_drawing_is_kept_for_good_and_known_by_its_etag(browser: Browser, grocer: SeededShop) -> None:
    path = f"/images/products/{grocer.products[0].product_id}.svg"
    first = await browser.http.get(path)
    assert first.headers["content-type"] == "image/svg+xml"
    assert "immutable" in first.headers["cache-control"]
    again = await browser.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


async def test_a_photograph_comes_from_the_shops_own_folder_only(browser: Browser, settings: Settings) -> None:
    root = Path(str(settings.objects_url).removeprefix("file://"))
    for name in ("tenants/grocer/products/a.jpg", "tenants/fashion/products/a.jpg", "tenants/grocer/labels/a.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"picture")
    (root / "tenants/grocer/products/notes.txt").write_text("secret")
    shown = await browser.http.get("/images/objects/tenants/grocer/products/a.jpg")
    assert (shown.content, shown.headers["content-type"]) == (b"picture", "image/jpeg")
    for key in (
        "tenants/fashion/products/a.jpg",
        "tenants/grocer/labels/a.jpg",
        "tenants/grocer/products/notes.txt",
        "tenants/grocer/products/missing.jpg",
        "tenants/grocer/products/%2e%2e/labels/a.jpg",
        "tenants/grocer/products/..%2f..%2f..%2ffashion/products/a.jpg",
        "%2fetc/passwd.jpg",
    ):
        assert (await browser.http.get(f"/images/objects/{key}")).status_code == 404, key


@pytest.mark.parametrize("accent", ["#ffffff", "#ffe600", "#000000", "#256b4a", "red;}body{display:none", None])
def test_any_accent_gives_readable_text(accent: str | None) -> None:
    colours = stylesheet({"theme": {"accent": accent}}).partition("{")[2].partition("}")[0]
    values = dict(pair.split(":") for pair in colours.split(";"))
    rgb = {name: rgb_of(value) for name, value in values.items()}
    assert contrast(rgb["--shop-accent"], rgb["--shop-on-accent"]) >= 4.5
    assert contrast(rgb["--shop-accent-text"], (255, 255, 255)) >= 4.5


def test_no_page_of_the_shop_is_in_the_description_of_the_api(app: Any) -> None:
    assert {path.split("/")[1] for path in app.openapi()["paths"]} == {
        "v1",
        "problems",
        "oauth",
        ".well-known",
        "feeds",
    }


async def test_a_page_runs_only_the_scripts_it_names_and_names_them_anew_each_time(browser: Browser) -> None:
    first, second = await browser.http.get("/"), await browser.http.get("/")
    nonces = [
        page.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0] for page in (first, second)
    ]
    assert len(set(nonces)) == 2
    for page, nonce in zip((first, second), nonces, strict=True):
        assert page.text.count("<script") == page.text.count(f'nonce="{nonce}"') > 0
