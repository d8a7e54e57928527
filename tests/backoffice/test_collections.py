"""The pages of collections: a rule is tried before it is kept, products are picked, and the shop shows both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx

from tests.studio import Studio, thirds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.factories import SeededShop

AT = "/back-office/collections"
RULE = {
    "title": "Under four",
    "sort": "price_desc",
    "match": "all",
    "conditions.0.what": "price:at_most",
    "conditions.0.values": "4,00",
    "conditions.1.what": "category:in",
    "conditions.1.values": "pantry",
    "conditions.2.what": "",
    "conditions.2.values": "left over",
    "published": "on",
    "menu_position": "1",
    "starts_at": "2026-01-01T08:00",
}


async def test_a_rule_is_tried_kept_and_put_right_on_its_page(
    admin: httpx.AsyncClient, analyst: httpx.AsyncClient
) -> None:
    new = f"{AT}/new/by-rule"
    tried = await admin.post(new, data=RULE | {"shape": "try"})
    assert "It would hold 4 products" in tried.text
    assert tried.text.index("Ground coffee") < tried.text.index("Tomato soup")
    assert "No collection yet" in (await admin.get(AT)).text

    for wrong, field in (
        ({"conditions.0.values": "much"}, "conditions.0.values"),
        ({"conditions.3.what": "new:within", "conditions.3.values": "0"}, "conditions.3.values"),
        ({"menu_position": "first"}, "menu_position"),
    ):
        refused = await admin.post(new, data=RULE | wrong)
        assert refused.status_code == 422
        assert f'id="{field}-fault"' in refused.text
    unknown = await admin.post(new, data=RULE | {"conditions.1.values": "nowhere"})
    assert _code(unknown) == "catalog.category_not_found"

    made = (await admin.post(new, data=RULE)).headers["location"]
    page = await admin.get(made)
    assert 'value="4.00"' in page.text
    assert 'value="pantry"' in page.text
    assert 'value="2026-01-01T08:00"' in page.text
    stale = await admin.post(made, data=RULE | {"version": "7"})
    assert (stale.status_code, _code(stale)) == (409, "catalog.stale")
    kept = await admin.post(made, data=RULE | {"title": "Small money", "handle": "small", "version": "1"})
    assert kept.headers["location"] == made
    assert "<form" not in (await analyst.get(made)).text.partition("<main")[2]
    assert (await analyst.post(f"{made}/removal", data={})).status_code == 403
    assert (await admin.post(f"{made}/removal", data={})).headers["location"] == AT
    assert (await admin.get(made)).status_code == 404


async def test_picked_products_are_in_the_shop_and_in_its_menu(admin: httpx.AsyncClient, grocer: SeededShop) -> None:
    soup, juice = grocer.products[0].handle, grocer.products[1].handle
    said = {"title": "Our picks", "description": "<p>By <b>us</b>.</p>", "published": "on", "menu_position": "1"}
    made = (await admin.post(f"{AT}/new/by-hand", data=said | {"sort": "by_hand"})).headers["location"]
    lost = await admin.post(f"{made}/products", data={"products": f"{soup}\nnothing", "version": "1"})
    assert (lost.status_code, _code(lost)) == (404, "catalog.collected_product_not_found")
    put = await admin.post(f"{made}/products", data={"products": f"{juice}\r\n{soup}", "version": "1"})
    assert put.status_code == 303

    home = (await admin.get("/")).text
    assert home.count('href="/collections/our-picks"') == 2, "in the menu, and as a tile"
    shown = (await admin.get("/collections/our-picks")).text
    assert "<p>By <b>us</b>.</p>" in shown
    assert shown.index("Orange juice") < shown.index("Tomato soup")
    assert (await admin.get("/collections/nothing")).status_code == 404


async def test_its_picture_is_brought_on_its_page_and_shown_in_the_shop(
    app: Any, admin: httpx.AsyncClient, analyst: httpx.AsyncClient, grocer: SeededShop, tmp_path: Path
) -> None:
    studio = Studio(app, admin, grocer, tmp_path / "objects")
    made = (await admin.post(f"{AT}/new/by-rule", data=RULE | {"handle": "small"})).headers["location"]
    file = [("pictures", ("a.png", thirds(), "image/png"))]
    for data, sent, code, field in (
        ({"alt": ""}, file, "media.alt_required", "brought-alt"),
        ({"alt": "x"}, [("pictures", ("a.png", b"none", "image/png"))], "media.wrong_type", None),
        (
            {"alt": "x"},
            [("pictures", ("", b"", "application/octet-stream"))],
            "request.invalid_fields",
            "brought-pictures",
        ),
    ):
        refused = await admin.post(f"{made}/picture", data=data, files=sent)
        assert (refused.status_code // 100, _code(refused)) == (4, code)
        assert field is None or f'id="{field}-fault"' in refused.text
        assert 'value="Under four"' in refused.text, "the form of the collection is as it was"
    assert (await analyst.post(f"{made}/picture", data={"alt": "x"}, files=file)).status_code == 403

    assert (await admin.post(f"{made}/picture", data={"alt": "Small coins"}, files=file)).headers["location"] == made
    assert 'data-state="making"' in (await admin.get(made)).text
    assert await studio.make() == 1
    assert 'data-state="ready"' in (await admin.get(made)).text
    words = {"alt": "Coins on a table", "focal_x": "20", "focal_y": "50"}
    assert (await admin.post(f"{made}/picture/words", data=words)).status_code == 303
    assert await studio.make() == 1
    shop = {"Host": grocer.host}
    for page in ("/collections/small", "/"):
        assert 'alt="Coins on a table"' in (await admin.get(page, headers=shop)).text, page
    assert (await admin.post(f"{made}/picture/removal", data={})).status_code == 303
    assert "Coins on a table" not in (await admin.get("/collections/small", headers=shop)).text


def _code(page: httpx.Response) -> str | None:
    found = re.search(r'data-problem="([^"]+)"', page.text)
    return found[1] if found else None
