"""Reading the catalogue: shapes, pages, caching, bad addresses."""

from __future__ import annotations

import base64

import httpx
import pytest

from commerce.catalog.schemas import CategoryList, ProductDetail, ProductList
from commerce.catalog.variants import sold_as
from tests.factories import SeededShop


async def test_list_bytes_keep_their_documented_shape(client: httpx.AsyncClient, grocer: SeededShop) -> None:
    response = await client.get("/v1/store/products")
    page = ProductList.model_validate_json(response.content)
    assert [card.title for card in page.items] == [sold.title for sold in grocer.products]
    assert all(card.available for card in page.items)
    assert page.next_cursor is None


async def test_product_and_category_bytes_keep_their_documented_shape(
    client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    sold = grocer.products[0]
    by_handle = await client.get(f"/v1/store/products/{sold.handle}")
    by_id = await client.get(f"/v1/store/products/{sold.product_id}")
    assert by_handle.content == by_id.content
    product = ProductDetail.model_validate_json(by_handle.content)
    assert product.variants[0].price.amount == sold.price
    assert [crumb.slug for crumb in product.breadcrumbs] == ["pantry"]
    tree = CategoryList.model_validate_json((await client.get("/v1/store/categories")).content)
    assert tree.items[0].product_count == len(grocer.products)


@pytest.mark.parametrize(
    "path", ["/v1/store/products", "/v1/store/products?category=pantry", "/v1/store/search?q=tomato"]
)
async def test_pages_follow_each_other_without_gap_or_overlap(client: httpx.AsyncClient, path: str) -> None:
    whole = [card["id"] for card in (await client.get(path)).json()["items"]]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        extra = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = (await client.get(httpx.URL(path).copy_merge_params(extra))).json()
        seen += [card["id"] for card in page["items"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == whole
    assert len(whole) > 1


async def test_search_finds_by_every_word_and_by_a_prefix_of_the_last(client: httpx.AsyncClient) -> None:
    async def titles(words: str) -> set[str]:
        found = (await client.get("/v1/store/search", params={"q": words})).json()
        return {card["title"] for card in found["items"]}

    assert await titles("tomato") == {"Tomato soup", "Tomato paste"}
    assert await titles("tomato soup") == {"Tomato soup"}
    assert await titles("coff") == {"Ground coffee"}
    assert await titles("tomato zzzz") == {"Tomato soup", "Tomato paste"}
    assert await titles("& | ! ) '") == set()


async def test_a_client_that_has_it_already_gets_304(client: httpx.AsyncClient) -> None:
    first = await client.get("/v1/store/products")
    again = await client.get("/v1/store/products", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content


async def test_unknown_host_is_told_so(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/store/products", headers={"Host": "nobody.example"})
    assert (response.status_code, response.json()["code"]) == (404, "tenancy.unknown_host")
    assert response.headers["content-type"] == "application/problem+json"


async def test_unknown_product_is_told_so(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/store/products/no-such-thing")
    assert (response.status_code, response.json()["code"]) == (404, "catalog.product_not_found")


@pytest.mark.one_database
@pytest.mark.parametrize(
    "cursor", ["", "%%%", "AAAA", base64.urlsafe_b64encode(b"9223372036854775808:nope").decode(), "eA", "-1:x"]
)
async def test_malformed_cursor_is_told_so(client: httpx.AsyncClient, cursor: str) -> None:
    response = await client.get("/v1/store/products", params={"cursor": cursor})
    if cursor:
        assert (response.status_code, response.json()["code"]) == (400, "request.malformed_cursor")
    else:
        assert response.status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"page": "2"}, {"category": "A'"}])
async def test_bad_query_is_told_so(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    response = await client.get("/v1/store/products", params=query)
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid_fields")


async def test_neither_shop_sees_the_others_products(
    client: httpx.AsyncClient, grocer: SeededShop, fashion: SeededShop
) -> None:
    theirs = fashion.products[0]
    for key in (theirs.handle, str(theirs.product_id)):
        assert (await client.get(f"/v1/store/products/{key}")).status_code == 404
    assert (await client.get("/v1/store/search", params={"q": "dress"})).json()["items"] == []
    own = await client.get(f"/v1/store/products/{theirs.handle}", headers={"Host": fashion.host})
    assert own.status_code == 200


@pytest.mark.parametrize(
    ("product", "variant", "line"),
    [
        ("Linen dress", "blue, M", "Linen dress, blue, M"),
        ("Rye bread", "", "Rye bread"),
        ("Condensed soup, 10.5 oz", "10.5 oz", "Condensed soup, 10.5 oz"),
    ],
)
def test_a_line_names_the_variant_once(product: str, variant: str, line: str) -> None:
    assert sold_as(product, variant) == line
