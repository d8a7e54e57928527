"""Attributes and types of product, brands: values of a kind each, and nothing taken away that is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.catalog import adding
from commerce.catalog.adding import NewProduct
from commerce.catalog.attributes.units import told_in
from commerce.catalog.attributes.values import AttributeInvalid, Definition, Measured, kept

if TYPE_CHECKING:
    import httpx

    from tests.asking import Ask
    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop

CHOICES = frozenset({"navy", "sand"})
TEXT, FLAG, DAY = Definition("made-in", "text"), Definition("vegan", "boolean"), Definition("harvest", "date")
WEIGHT, PIECES = Definition("weight", "number", "g"), Definition("pieces", "number")
COLOUR = Definition("colour", "colour", choices=CHOICES)


@pytest.mark.parametrize(
    ("attribute", "said", "becomes"),
    [
        (TEXT, "Cafe\u0301", "Caf\u00e9"),
        (TEXT, "1 < 2 & 3", "1 < 2 & 3"),
        (WEIGHT, 1.50, 1.5),
        (WEIGHT, "500", 500),
        (WEIGHT, Measured(amount="1.5", unit="kg"), 1500),
        (WEIGHT, Measured(amount=1, unit="lb"), 453.59237),
        (PIECES, 12, 12),
        (FLAG, False, False),
        (COLOUR, "navy", "navy"),
        (DAY, "2026-02-28", "2026-02-28"),
    ],
)
def test_a_value_is_kept_in_one_form(attribute: Definition, said: Any, becomes: object) -> None:
    found = kept(attribute, said)
    assert (found, type(found)) == (becomes, type(becomes))
    assert kept(attribute, found) == found


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        (TEXT, ""),
        (TEXT, 5),
        (TEXT, "<b>Turkey</b>"),
        (WEIGHT, True),
        (WEIGHT, "1e3"),
        (WEIGHT, "\u0661"),
        (WEIGHT, "1,5"),
        (WEIGHT, 0.1 + 0.2),
        (WEIGHT, "9999999999999"),
        (WEIGHT, Measured(amount=1, unit="cm")),
        (PIECES, Measured(amount=1, unit="rolls")),
        (FLAG, "true"),
        (FLAG, 1),
        (COLOUR, "Navy"),
        (COLOUR, True),
        (DAY, "2026-02-29"),
        (DAY, "28.2.2026"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(attribute: Definition, said: Any) -> None:
    with pytest.raises(AttributeInvalid) as refused:
        kept(attribute, said)
    assert refused.value.attribute == attribute.code


@given(
    amount=st.decimals(-1000, 1000, places=3),
    pair=st.sampled_from([("g", "kg"), ("cm", "in"), ("ml", "l"), ("h", "s")]),
)
def test_an_amount_told_in_another_unit_and_back_is_itself(amount: Any, pair: tuple[str, str]) -> None:
    one, other = pair
    told = told_in(one, amount, other)
    assert told is not None
    assert told_in(other, told, one) == pytest.approx(amount)


class Desk:
    """What staff do with what products can say."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, method: str, path: str, body: object = None, status: int = 200) -> dict[str, Any]:
        answer = await self.http.request(method, f"/v1/admin{path}", json=body)
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json() if answer.content else {}
        return said

    async def attribute(self, code: str, kind: str, **more: Any) -> dict[str, Any]:
        return await self.ask("POST", "/attributes", {"code": code, "name": code.title(), "kind": kind, **more}, 201)

    async def type(self, code: str, *attributes: str) -> dict[str, Any]:
        of = [{"attribute": one} for one in attributes]
        return await self.ask("POST", "/product-types", {"code": code, "name": code.title(), "attributes": of}, 201)


@pytest.fixture
def desk(staff: httpx.AsyncClient) -> Desk:
    return Desk(staff)


SHADES = [
    {"code": "navy", "name": "Navy", "colour": "#1f2a44"},
    {"code": "sand", "name": "Sand", "colour": "#d8c3a5"},
]


async def test_an_attribute_in_use_is_not_taken_away(desk: Desk, grocer: SeededShop, rows: Ask) -> None:
    await desk.attribute("colour", "colour", choices=SHADES)
    await desk.attribute("weight", "number", unit="kg")
    made = await desk.type("shirt", "colour", "weight")
    assert [one["attribute"] for one in made["attributes"]] == ["colour", "weight"]
    rows(
        'UPDATE product SET type_id = (SELECT id FROM product_type), attributes = \'{"colour": "navy"}\' WHERE id = %s',
        grocer.products[0].product_id,
    )

    refused = await desk.ask("DELETE", "/attributes/colour", status=409)
    assert (refused["code"], refused["types"]) == ("catalog.attribute_in_use", ["shirt"])
    without = {"name": "Shirt", "attributes": [{"attribute": "weight", "required": True}], "version": 1}
    refused = await desk.ask("PUT", "/product-types/shirt", without, 409)
    assert (refused["code"], refused["attribute"]) == ("catalog.attribute_in_use", "colour")
    left = {"name": "Colour", "choices": SHADES[1:], "retired": False, "version": 1}
    refused = await desk.ask("PUT", "/attributes/colour", left, 409)
    assert (refused["code"], refused["choices"]) == ("catalog.choice_in_use", ["navy"])
    assert (await desk.ask("DELETE", "/product-types/shirt", status=409))["code"] == "catalog.product_type_in_use"

    retired = await desk.ask("PUT", "/attributes/colour", left | {"choices": SHADES, "retired": True})
    assert (retired["retired"], retired["version"]) == (True, 2)
    rows("UPDATE product SET attributes = '{}' WHERE type_id IS NOT NULL")
    changed = await desk.ask("PUT", "/product-types/shirt", without)
    assert changed["attributes"] == [{"attribute": "weight", "required": True}]
    await desk.ask("DELETE", "/attributes/colour", status=204)
    assert (await desk.ask("GET", "/attributes/colour", status=404))["code"] == "catalog.attribute_not_found"
    rows("UPDATE product SET type_id = NULL")
    await desk.ask("DELETE", "/product-types/shirt", status=204)


UNFIT: list[dict[str, Any]] = [
    {"code": "Size", "name": "Size", "kind": "text"},
    {"code": "size", "name": "<i>Size</i>", "kind": "text"},
    {"code": "size", "name": "Size", "kind": "length"},
    {"code": "size", "name": "Size", "kind": "text", "unit": "cm"},
    {"code": "size", "name": "Size", "kind": "choice"},
    {"code": "size", "name": "Size", "kind": "text", "choices": [{"code": "s", "name": "S"}]},
    {"code": "size", "name": "Size", "kind": "colour", "choices": [{"code": "s", "name": "S"}]},
    {"code": "size", "name": "Size", "kind": "choice", "choices": [{"code": "s", "name": "S"}] * 2},
]


async def test_an_attribute_that_fits_no_kind_is_refused(desk: Desk) -> None:
    for body in UNFIT:
        assert (await desk.ask("POST", "/attributes", body, 422))["code"] == "request.invalid_fields", body
    assert (await desk.ask("GET", "/attributes"))["items"] == []


async def test_two_who_change_one_thing_at_once_are_told(desk: Desk) -> None:
    await desk.attribute("size", "choice", choices=[{"code": "s", "name": "S"}])
    await desk.type("shirt")
    await desk.ask("POST", "/brands", {"name": "Acme"}, 201)
    for path, body in (
        ("/attributes/size", {"name": "Sizes", "choices": [{"code": "s", "name": "Small"}], "retired": False}),
        ("/product-types/shirt", {"name": "Shirts", "attributes": [{"attribute": "size"}]}),
        ("/brands/acme", {"name": "ACME", "slug": "acme"}),
    ):
        await desk.ask("PUT", path, body | {"version": 1})
        refused = await desk.ask("PUT", path, body | {"version": 1}, 409)
        assert (refused["code"], refused["version"]) == ("catalog.stale", 2)


async def test_a_type_has_only_attributes_that_are_there(desk: Desk) -> None:
    of = {"code": "shirt", "name": "Shirt", "attributes": [{"attribute": "size"}]}
    refused = await desk.ask("POST", "/product-types", of, 404)
    assert (refused["code"], refused["attribute"]) == ("catalog.attribute_not_found", "size")
    assert (await desk.ask("GET", "/product-types"))["items"] == []


async def test_a_code_is_one_things(desk: Desk) -> None:
    await desk.attribute("size", "text")
    await desk.type("shirt")
    again = {"code": "size", "name": "Size", "kind": "text"}
    assert (await desk.ask("POST", "/attributes", again, 409))["code"] == "catalog.attribute_code_taken"
    again = {"code": "shirt", "name": "Shirt", "attributes": []}
    assert (await desk.ask("POST", "/product-types", again, 409))["code"] == "catalog.product_type_code_taken"


async def test_a_brand_names_its_products_anew(desk: Desk, browser: Browser, grocer: SeededShop) -> None:
    await desk.ask("POST", "/brands", {"name": "Store brand"}, 201)
    named = await desk.ask("PUT", "/brands/store-brand", {"name": "Miller's", "slug": "millers", "version": 1})
    assert named == {"name": "Miller's", "slug": "millers", "version": 2}
    found = (await browser.http.get("/v1/store/search?q=miller")).json()["items"]
    assert {one["brand"] for one in found} == {"Miller's"}
    assert len(found) == len(grocer.products)
    assert (await desk.ask("DELETE", "/brands/millers", status=409))["code"] == "catalog.brand_in_use"
    await desk.ask("POST", "/brands", {"name": "Acme"}, 201)
    assert (await desk.ask("POST", "/brands", {"name": "ACME"}, 409))["code"] == "catalog.brand_taken"
    await desk.ask("DELETE", "/brands/acme", status=204)
    assert [one["slug"] for one in (await desk.ask("GET", "/brands"))["items"]] == ["millers"]


async def test_products_that_are_added_make_their_brands(desk: Desk, app: Any, grocer: SeededShop, rows: Ask) -> None:
    await desk.ask("POST", "/brands", {"name": "Acme"}, 201)
    new = [NewProduct(f"N{place}", f"New {place}", brand=brand) for place, brand in enumerate(("ACME", "Bolt", "bolt"))]
    async with app.state.core.database.tx(grocer.id) as tx:
        await adding.add(tx, new)
    assert [one["name"] for one in (await desk.ask("GET", "/brands"))["items"]] == ["Acme", "Bolt"]
    assert [row[0] for row in rows("SELECT brand FROM product WHERE title LIKE 'New%%' ORDER BY title")] == [
        "Acme",
        "Bolt",
        "Bolt",
    ]
