"""Looking by a picture on the shop's pages: with a form alone, and with a frame drawn around what is meant."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from PIL import Image
from playwright.async_api import expect

from foundation.ids import new_id
from tests.chromium import IN_CHROMIUM, address, devtools, page, viewport
from tests.storefront.conftest import Browser, Form, forms_of
from tests.studio import thirds

if TYPE_CHECKING:
    from playwright.async_api import Page

from tests.deciding import deciding
from tests.factories import SeededShop

__all__ = ["address", "devtools", "page", "viewport"]

PAGE = "/search/image"


@pytest.fixture
async def asked(app: Any, grocer: SeededShop) -> AsyncIterator[list[dict[str, Any]]]:
    """What a decision service was asked, which always finds orange juice."""
    questions: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v1/decisions/visual":
            return httpx.Response(500)
        questions.append(orjson.loads(request.content))
        found = [{"product_id": str(grocer.products[1].product_id), "score": 0.9, "source": "picture"}]
        told = {"decision_id": str(new_id()), "policy": "looks", "fallback": None, "fallback_reason": None}
        return httpx.Response(200, json={**told, "items": found})

    async with deciding(app, answer):
        yield questions


async def send(browser: Browser, body: bytes = b"", **fields: str) -> httpx.Response:
    origin = {"Origin": str(browser.http.base_url).rstrip("/")}
    texts = {name: (None, value.encode()) for name, value in fields.items()}
    files = {"picture": ("it.jpg", body, "image/jpeg")} if body else {}
    return await browser.http.post(PAGE, files={**texts, **files}, headers=origin)


def again(shown: str) -> Form:
    """The form by which one looks again."""
    return next(form for form in forms_of(shown) if "shown" in form.fields)


def colours(question: dict[str, Any]) -> list[str]:
    """Of the picture that the service was shown, from the left."""
    seen = Image.open(io.BytesIO(base64.b64decode(question["picture"]))).convert("RGB")
    found = []
    for at in (0.1, 0.5, 0.9):
        pixel = seen.getpixel((int(at * seen.width), seen.height // 2))
        assert isinstance(pixel, tuple)
        found.append("rgb"[max(range(3), key=lambda channel: pixel[channel])])
    return found


async def test_a_picture_is_looked_by_and_then_a_part_of_it_with_a_word(
    browser: Browser, asked: list[dict[str, Any]]
) -> None:
    assert 'name="picture"' in await browser.see(PAGE)
    found = await send(browser, thirds(size=(900, 300)))
    assert found.status_code == 200
    assert "Looks like your picture" in found.text
    assert [found.text.count(f"/p/{handle}") > 0 for handle in ("orange-juice", "tomato-soup")] == [True, False]
    assert "img-src 'self' data:;" in found.headers["content-security-policy"]
    assert "img-src 'self';" in (await browser.http.get("/")).headers["content-security-policy"]
    assert found.headers["cache-control"] == "private, no-store"
    assert colours(asked[0]) == list("rgb")

    form = again(found.text)
    part = {"x": "0.7", "y": "0", "width": "0.3", "height": "1", "query": "<sweet>"}
    second = await send(browser, **{**form.fields, **part})
    assert "Looks like it, and “&lt;sweet&gt;”" in second.text
    assert (colours(asked[1]), asked[1]["query"]) == (list("bbb"), "<sweet>")
    # All of the picture comes back, with the part that was meant.
    kept = again(second.text).fields
    assert {name: float(kept[name]) for name in ("x", "width")} == {"x": 0.7, "width": 0.3}
    shown = Image.open(io.BytesIO(base64.b64decode(kept["shown"])))
    assert shown.size == (800, 267)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "fields", "status", "code"),
    [
        (b"", {"query": "red"}, 422, "storefront.no_picture_sent"),
        (b"<svg></svg>", {}, 415, "media.svg_refused"),
        (b"", {"shown": "no base64"}, 422, "media.broken_picture"),
        (b"", {"shown": base64.b64encode(b"text").decode()}, 415, "media.wrong_type"),
        (
            b"",
            {"shown": base64.b64encode(thirds()).decode(), "x": "0.9", "y": "0", "width": "0.5", "height": "1"},
            422,
            "request.invalid_fields",
        ),
        (thirds(), {"colour": "red"}, 422, "request.invalid_fields"),
    ],
)
async def test_what_cannot_be_looked_by_is_said_on_the_page(
    browser: Browser, asked: list[dict[str, Any]], body: bytes, fields: dict[str, str], status: int, code: str
) -> None:
    answer = await send(browser, body, **fields)
    assert (answer.status_code, f"Code: {code}" in answer.text) == (status, True)
    assert 'name="picture"' in answer.text
    assert asked == []


async def test_a_product_leads_to_what_looks_like_it(
    browser: Browser, asked: list[dict[str, Any]], grocer: SeededShop
) -> None:
    assert "/p/tomato-soup/alike" in await browser.see("/p/tomato-soup")
    found = await browser.see("/p/tomato-soup/alike")
    assert "Looks like this" in found
    assert "/p/orange-juice" in found
    assert asked[0]["product_id"] == str(grocer.products[0].product_id)
    await browser.see("/p/nothing-such/alike", status=404)


async def test_where_nothing_tells_by_looks_the_page_says_so(browser: Browser) -> None:
    assert "We can&#39;t tell by looks" in (await send(browser, thirds())).text.replace("'", "&#39;")
    assert "More from the same shelf" in await browser.see("/p/tomato-soup/alike")


@IN_CHROMIUM[1]
async def test_a_frame_is_drawn_by_the_mouse_and_moved_by_keys(page: Page, address: str, tmp_path: Path) -> None:
    file = tmp_path / "it.png"
    file.write_bytes(thirds(size=(600, 400)))
    await page.goto(address)
    await page.set_input_files("input[form=by-picture]", file)
    stage = page.locator("[data-crop]")
    await expect(stage).to_be_visible()
    await stage.scroll_into_view_if_needed()
    place = await stage.bounding_box()
    assert place is not None
    await page.mouse.move(place["x"] + place["width"] * 0.25, place["y"] + place["height"] * 0.25)
    await page.mouse.down()
    await page.mouse.move(place["x"] + place["width"] * 0.75, place["y"] + place["height"] * 0.75, steps=3)
    await page.mouse.up()
    await page.get_by_role("group", name="The part that is meant").press("ArrowRight")
    await page.keyboard.press("Shift+ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{address}{PAGE}")
    fields = [float(await page.locator(f"input[name={name}]").input_value()) for name in ("x", "y", "width", "height")]
    assert fields == pytest.approx([0.27, 0.25, 0.5, 0.52], abs=0.02)
    await page.get_by_role("button", name="All of it").click()
    assert await page.locator("input[name=x]").input_value() == ""
