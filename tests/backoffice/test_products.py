"""The pages of products: found, written by a form, reviewed and published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.backoffice.conftest import SAME
from tests.commerce.test_attributes import SHADES, Desk
from tests.commerce.test_products import SHIRT, Shelf

if TYPE_CHECKING:
    import httpx

    from tests.access.team import Team
    from tests.factories import SeededShop

AT = "/back-office/products"
FORM = {
    "title": "Linen shirt",
    "description": "<p>Airy.</p><script>x</script>",
    "category": "pantry",
    "brand": "Acme",
    "tags": "summer, linen",
    "handle": "",
    "type": "shirt",
    "attributes.colour": "navy",
    "attributes.weight": "200",
    "attributes.vegan": "true",
    "options.0": "Size",
    "options.1": "",
    "options.2": "",
    "variants.0.sku": "LS-M",
    "variants.0.gtin": "4006381333931",
    "variants.0.price": "49,00",
    "variants.0.compare_at": "",
    "variants.0.options.0": "M",
    "variants.2.sku": "LS-L",
    "variants.2.price": "49.00",
    "variants.2.options.0": "L",
    "variants.3.sku": "",
    "tax_class": "standard",
    "country_of_origin": "PT",
    "hs_code": "6205.90",
}


async def _set_up(http: httpx.AsyncClient) -> Shelf:
    desk = Desk(http)
    await desk.attribute("colour", "colour", choices=SHADES)
    await desk.attribute("weight", "number", unit="g")
    await desk.attribute("vegan", "boolean")
    await desk.type("shirt", "colour", "weight", "vegan")
    return Shelf(http)


async def test_a_product_is_written_on_a_page_and_published(admin: httpx.AsyncClient, grocer: SeededShop) -> None:
    shelf = await _set_up(admin)
    shaped = await admin.post(AT, data={"title": "Linen shirt", "type": "shirt", "shape": "type"})
    assert shaped.status_code == 200
    assert 'name="attributes.weight"' in shaped.text
    assert 'value="Linen shirt"' in shaped.text

    made = await admin.post(AT, data=FORM)
    assert made.status_code == 303, made.text
    at = made.headers["location"]
    product = await shelf.read({"id": at.removeprefix(f"{AT}/")})
    assert product["description"] == "<p>Airy.</p>"
    assert product["attributes"] == {"colour": "navy", "weight": 200, "vegan": True}
    assert [(one["sku"], one["price"], one["options"]) for one in product["variants"]] == [
        ("LS-M", 4900, {"Size": "M"}),
        ("LS-L", 4900, {"Size": "L"}),
    ]
    page = await admin.get(at)
    again = await admin.post(at, data=_filled(page.text) | {"title": "Hemp shirt"})
    assert again.status_code == 303, again.text
    changed = await shelf.read(product)
    assert changed == product | {"title": "Hemp shirt", "version": 2, "updated_at": changed["updated_at"]}
    stale = await admin.post(at, data=_filled(page.text) | {"title": "Other"})
    assert (stale.status_code, _code(stale)) == (409, "catalog.stale")

    published = await admin.post(f"{at}/publication", data={"version": "2"})
    assert published.headers["location"] == at
    assert (await admin.get(f"/v1/store/products/{product['id']}")).status_code == 200
    assert "See it in the shop" in (await admin.get(at)).text
    copied = await admin.post(f"{at}/copies", data={})
    assert "LS-M-" in (await admin.get(copied.headers["location"])).text
    listed = (await admin.get(f"{AT}?q=hemp&status=&brand=acme")).text
    assert listed.count("Hemp shirt") == 2


async def test_what_is_wrong_is_told_at_its_field(admin: httpx.AsyncClient, grocer: SeededShop) -> None:
    await _set_up(admin)
    for wrong, field in (
        ({"title": "<b>x</b>"}, "title"),
        ({"variants.2.gtin": "4006381333932"}, "variants.2.gtin"),
        ({"variants.2.price": "0.005"}, "variants.2.price"),
        ({"attributes.weight": "heavy"}, "attributes.weight"),
        ({"handle": "tomato-soup"}, "handle"),
        ({"category": "none"}, "category"),
        ({"hs_code": "1"}, "hs_code"),
    ):
        page = await admin.post(AT, data=FORM | wrong)
        assert 400 <= page.status_code < 500, field
        assert f'id="{field}-fault"' in page.text, field
    both = await admin.post(AT, data=FORM | {"variants.2.options.0": "m"})
    assert (both.status_code, _code(both)) == (409, "catalog.same_options")
    assert (await admin.get(f"{AT}?status=draft")).text.count("Linen shirt") == 0


async def test_a_proposal_is_reviewed_on_a_page(admin: httpx.AsyncClient, team: Team, grocer: SeededShop) -> None:
    shelf = await _set_up(admin)
    live = await shelf.step(await shelf.add(), "publication")
    at = f"{AT}/{live['id']}"
    clerk = await team.browser(await team.clerk("catalog:read", "catalog:write"))
    clerk.headers.update(SAME)
    form = _filled((await clerk.get(at)).text)
    assert (await clerk.post(at, data=form | {"title": "Washed shirt"})).status_code == 303
    shown = await clerk.get(at)
    assert 'value="Washed shirt"' in shown.text, "they go on with what they wrote"
    version = _filled(shown.text)["version"]
    assert (await clerk.post(f"{at}/submission", data={"version": version})).status_code == 303
    assert (await clerk.post(f"{at}/approval", data={"version": version})).status_code == 403

    queue = await admin.get(f"{AT}?status=in_review")
    assert "Change to review" in queue.text
    review = await admin.get(at)
    assert "<del>Linen shirt</del>" in review.text
    assert "Washed shirt</ins>" in review.text
    version = _filled(review.text)["version"]
    unclear = await admin.post(f"{at}/rejection", data={"version": version, "reason": ""})
    assert unclear.status_code == 422
    assert (await admin.post(f"{at}/approval", data={"version": version})).status_code == 303
    assert (await shelf.read(live))["title"] == "Washed shirt"
    dated = {"version": str(int(version) + 1), "at": "2020-01-01T00:00"}
    await admin.post(f"{at}/unpublication", data={"version": str(int(version) + 1)})
    past = await admin.post(f"{at}/publication", data=dated | {"version": str(int(version) + 2)})
    assert (past.status_code, _code(past)) == (422, "catalog.publication_past")


async def test_others_are_put_beside_a_product_on_its_page(admin: httpx.AsyncClient, grocer: SeededShop) -> None:
    at = f"{AT}/{grocer.products[0].product_id}"
    put = await admin.post(f"{at}/links", data={"version": "1", "related": "orange-juice\r\nrye-bread", "up_sell": ""})
    assert put.status_code == 303, put.text
    page = (await admin.get(at)).text
    assert re.search(r'name="related"[^>]*>orange-juice\nrye-bread</textarea>', page)
    assert "Others put beside it" in page
    for wrong, status, code in (
        ("no-such-thing", 404, "catalog.linked_product_not_found"),
        ("tomato-soup", 422, "catalog.linked_to_itself"),
        ("rye-bread rye-bread", 422, "request.invalid_fields"),
    ):
        refused = await admin.post(f"{at}/links", data={"version": "2", "related": wrong})
        assert (refused.status_code, _code(refused)) == (status, code)
        assert f">{wrong}</textarea>" in refused.text


async def test_who_only_reads_changes_nothing(
    admin: httpx.AsyncClient, analyst: httpx.AsyncClient, grocer: SeededShop
) -> None:
    product = await Shelf(admin).add(**SHIRT)
    page = await analyst.get(f"{AT}/{product['id']}")
    assert page.status_code == 200
    assert "<form" not in page.text.partition("<main")[2]
    assert "Add a product" not in (await analyst.get(AT)).text
    assert "<form" not in (await analyst.get(f"{AT}/new")).text.partition("<main")[2]
    assert (await analyst.post(AT, data=FORM)).status_code == 403
    assert (await analyst.post(f"{AT}/{product['id']}/publication", data={"version": "1"})).status_code == 403


def _filled(page: str) -> dict[str, str]:
    """The fields of the product's form as a browser would send them."""
    form = re.search(r'<form method="post" action="[^"]*" class="grid gap-6">(.*?)</form>', page, re.DOTALL)
    assert form, "there is no form"
    found = {}
    for tag in re.findall(r"<input [^>]*>", form[1]):
        given = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if given.get("type") not in {"radio", "checkbox"} or " checked" in tag:
            found[given["name"]] = given.get("value", "")
    for name, words in re.findall(r'<textarea id="[^"]*" name="([^"]*)"[^>]*>\n?(.*?)</textarea>', form[1], re.DOTALL):
        found[name] = words.replace("&lt;", "<").replace("&gt;", ">")
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]*)"[^>]*>(.*?)</select>', form[1], re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


def _code(page: httpx.Response) -> str | None:
    found = re.search(r'data-problem="([^"]+)"', page.text)
    return found[1] if found else None
