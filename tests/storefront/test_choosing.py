"""A variant is chosen by its options, an address each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from commerce.catalog.schemas import ProductDetail, VariantOut
from foundation.ids import new_id
from foundation.types import MoneyOut
from storefront.choosing import looked_at, options_of

if TYPE_CHECKING:
    import httpx

    from tests.asking import Ask
    from tests.factories import SeededShop


def _variant(size: str, colour: str, *, available: bool = True) -> VariantOut:
    return VariantOut(
        id=new_id(),
        sku=f"{size}-{colour}",
        title=f"{size} / {colour}",
        options={"Size": size, "Colour": colour},
        price=MoneyOut(amount=1, currency="USD"),
        compare_at=None,
        lowest_price_30_days=None,
        offer=None,
        quantity_breaks=[],
        available=available,
        promised_on=None,
        digital=False,
    )


def _product(*variants: VariantOut) -> ProductDetail:
    return ProductDetail(
        id=new_id(),
        handle="shirt",
        title="Shirt",
        description="",
        brand=None,
        image=None,
        media=[],
        attributes={},
        specifications=[],
        options=["Size", "Colour"],
        breadcrumbs=[],
        variants=list(variants),
        rating=None,
        version=1,
    )


def test_a_choice_keeps_what_else_is_chosen_where_it_can() -> None:
    navy_m, navy_l, sand_l = _variant("M", "Navy"), _variant("L", "Navy"), _variant("L", "Sand", available=False)
    product = _product(navy_m, navy_l, sand_l)

    size, colour = options_of(product, navy_l)
    assert [(one.words, one.variant_id, one.chosen, one.available) for one in size.choices] == [
        ("M", navy_m.id, False, True),
        ("L", navy_l.id, True, True),
    ]
    assert [(one.words, one.variant_id, one.available) for one in colour.choices] == [
        ("Navy", navy_l.id, True),
        ("Sand", sand_l.id, False),
    ]
    size, colour = options_of(product, navy_m)
    assert [(one.words, one.variant_id, one.available) for one in colour.choices] == [
        ("Navy", navy_m.id, True),
        ("Sand", sand_l.id, False),
    ], "there is no M in sand: it leads to the nearest, and says so"


def test_what_is_looked_at_is_what_was_asked_for_else_what_can_be_had() -> None:
    gone, there = _variant("M", "Navy", available=False), _variant("L", "Navy")
    product = _product(gone, there)
    assert looked_at(product, gone.id) is gone
    assert looked_at(product, None) is there
    assert looked_at(product, new_id()) is there
    assert looked_at(_product(), None) is None
    assert options_of(_product(), None) == []


async def test_the_page_shows_the_variant_of_its_address(
    client: httpx.AsyncClient, grocer: SeededShop, execute: Ask
) -> None:
    sold, other = grocer.products[:2]
    execute("UPDATE product SET options = '[\"Size\"]' WHERE id = %s", sold.product_id)
    execute('UPDATE variant SET options = \'{"Size": "Small"}\' WHERE product_id = %s', sold.product_id)
    execute(
        'UPDATE variant SET product_id = %s, position = 1, options = \'{"Size": "Large"}\' WHERE id = %s',
        sold.product_id,
        other.variant_id,
    )
    page = (await client.get(f"/p/{sold.handle}")).text
    links = {words: link for link, words in re.findall(r'href="(/p/[^"]*[?]v=[0-9a-f-]+)"[^>]*>(Small|Large)<', page)}
    shown = (await client.get(links["Large"])).text
    assert f'name="variant_id" value="{other.variant_id}"' in shown
    assert "$2.00" in shown
    assert f'name="variant_id" value="{sold.variant_id}"' in (await client.get(links["Small"])).text


async def test_the_page_shows_what_staff_put_beside_it(
    client: httpx.AsyncClient, grocer: SeededShop, execute: Ask
) -> None:
    sold, other = grocer.products[:2]
    execute(
        "INSERT INTO product_link (tenant_id, product_id, kind, other_id, position)"
        " SELECT tenant_id, id, 'related', %s, 1 FROM product WHERE id = %s",
        other.product_id,
        sold.product_id,
    )
    page = (await client.get(f"/p/{sold.handle}")).text
    assert "More like it" in page
    link = f"/compare?product={sold.handle}&amp;product={other.handle}"
    assert link in page
    compared = await client.get(link.replace("&amp;", "&"))
    assert compared.status_code == 200
    assert other.title in compared.text
    assert (await client.get("/compare?product=none&product=nothing")).status_code == 404


async def test_a_page_that_has_moved_leads_to_where_it_is(
    client: httpx.AsyncClient, grocer: SeededShop, execute: Ask
) -> None:
    old = grocer.products[0].handle
    execute("UPDATE product SET handle = 'elsewhere' WHERE handle = %s RETURNING 1", old)
    moved = await client.get(f"/p/{old}?v=x")
    assert (moved.status_code, moved.headers["location"].endswith("/p/elsewhere?v=x")) == (301, True)
    assert (await client.get("/p/nowhere")).status_code == 404
