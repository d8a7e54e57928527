"""The tree of categories: named, moved, emptied, and never a cycle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from commerce.catalog import adding
from commerce.catalog.adding import NewProduct
from commerce.catalog.categories import service

if TYPE_CHECKING:
    import httpx

    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop

AT = "/v1/admin/categories"


class Tree:
    """What staff do with it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def add(self, name: str, parent: dict[str, Any] | None = None, status: int = 201) -> dict[str, Any]:
        return await self._ask("POST", AT, status, {"name": name, "parent_id": parent and parent["id"]})

    async def change(self, category: dict[str, Any], status: int = 200, **other: Any) -> dict[str, Any]:
        body = {name: category[name] for name in ("name", "slug", "parent_id")} | other
        return await self._ask("PUT", f"{AT}/{category['id']}", status, body)

    async def remove(self, category: dict[str, Any], status: int = 204) -> dict[str, Any]:
        return await self._ask("DELETE", f"{AT}/{category['id']}", status)

    async def read(self, category: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("GET", f"{AT}/{category['id']}", 200)

    async def _ask(self, method: str, path: str, status: int, body: object = None) -> dict[str, Any]:
        answer = await self.http.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json() if answer.content else {}
        return said


@pytest.fixture
def tree(staff: httpx.AsyncClient) -> Tree:
    return Tree(staff)


@pytest.fixture
def whole(rows: Any) -> Any:
    """Fail unless every path, depth and count follows from the parents and the products."""

    def check() -> None:
        wrong = rows(
            """
            WITH RECURSIVE line AS (
                SELECT id, id AS above, parent_id FROM category
                UNION ALL SELECT line.id, c.id, c.parent_id FROM line JOIN category c ON c.id = line.parent_id)
            SELECT c.name FROM category c LEFT JOIN category p ON p.id = c.parent_id
            WHERE c.depth <> (SELECT count(*) - 1 FROM line WHERE line.id = c.id)
               OR nlevel(c.path) <> c.depth + 1
               OR (p.id IS NOT NULL AND subpath(c.path, 0, -1) <> p.path)
               OR c.product_count <> (
                   SELECT count(*) FROM product JOIN line ON line.id = product.category_id
                   WHERE line.above = c.id AND product.status = 'published')
            """
        )
        assert wrong == []

    return check


async def _sell(app: Any, shop: SeededShop, category: str, *skus: str) -> None:
    async with app.state.core.database.tx(shop.id) as tx:
        await adding.add(tx, [NewProduct(sku, f"Of {category} {sku}", category) for sku in skus])


async def test_a_category_is_moved_with_all_that_is_below_it(
    tree: Tree, app: Any, grocer: SeededShop, whole: Any
) -> None:
    food, drinks = await tree.add("Food"), await tree.add("Drinks")
    pasta = await tree.add("Pasta", food)
    fresh = await tree.add("Fresh", pasta)
    await _sell(app, grocer, "Fresh", "F1", "F2")
    whole()

    moved = await tree.change(pasta, parent_id=drinks["id"])

    assert [above["name"] for above in moved["ancestors"]] == ["Drinks"]
    assert [above["name"] for above in (await tree.read(fresh))["ancestors"]] == ["Drinks", "Pasta"]
    assert [(await tree.read(one))["product_count"] for one in (food, drinks, pasta, fresh)] == [0, 2, 2, 2]
    whole()
    top = await tree.change(moved, parent_id=None)
    assert (top["depth"], top["ancestors"]) == (0, [])
    whole()


async def test_no_category_comes_below_itself(tree: Tree, whole: Any) -> None:
    top = await tree.add("Top")
    below = await tree.add("Below", top)
    for parent in (top, below):
        refused = await tree.change(top, 422, parent_id=parent["id"], name="Another")
        assert refused["code"] == "catalog.category_cycle"
    assert (await tree.read(top))["name"] == "Top"
    whole()


async def test_two_moves_at_once_make_no_cycle(tree: Tree, whole: Any) -> None:
    one, other = await tree.add("One"), await tree.add("Other")
    answers = await asyncio.gather(
        tree.http.put(f"{AT}/{one['id']}", json={"name": "One", "slug": "one", "parent_id": other["id"]}),
        tree.http.put(f"{AT}/{other['id']}", json={"name": "Other", "slug": "other", "parent_id": one["id"]}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    whole()


async def test_the_tree_ends_where_an_index_entry_would(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DEEPEST", 2)
    top = await tree.add("0")
    middle = await tree.add("1", top)
    last = await tree.add("2", middle)
    assert (await tree.add("3", last, 422))["most"] == 2
    other = await tree.add("Other")
    await tree.add("Child", other)
    assert (await tree.change(other, 422, parent_id=middle["id"]))["code"] == "catalog.category_too_deep"


async def test_the_deepest_path_fits_its_index(tree: Tree, whole: Any) -> None:
    parent = None
    for depth in range(service.DEEPEST + 1):
        parent = await tree.add(f"Level {depth}", parent)
    whole()


async def test_only_what_is_empty_is_removed(tree: Tree, app: Any, grocer: SeededShop, rows: Any) -> None:
    top = await tree.add("Top")
    below = await tree.add("Below", top)
    refused = await tree.remove(top, 409)
    assert (refused["code"], refused["children"], refused["products"]) == ("catalog.category_not_empty", 1, 0)
    await _sell(app, grocer, "Below", "B1")
    rows("UPDATE product SET status = 'archived' WHERE category_id = %s", below["id"])
    assert (await tree.remove(below, 409))["products"] == 1
    rows("UPDATE product SET category_id = NULL WHERE category_id = %s", below["id"])
    await tree.remove(below)
    await tree.remove(top)
    await tree.remove(top, 404)


async def test_an_address_is_one_categorys(tree: Tree) -> None:
    first, second = await tree.add("Crème & Brûlée"), await tree.add("Creme, brulee")
    assert (first["slug"], second["slug"][:-8]) == ("creme-brulee", "creme-brulee-")
    refused = await tree.change(second, 409, slug=first["slug"])
    assert (refused["code"], refused["slug"]) == ("catalog.category_slug_taken", first["slug"])


async def test_shoppers_find_it_by_its_new_name_at_once(
    tree: Tree, app: Any, grocer: SeededShop, browser: Browser
) -> None:
    wine = await tree.add("Wine")
    await _sell(app, grocer, "Wine", "W1")
    price = {"currency": "USD", "amount": 900}
    (await tree.http.put("/v1/admin/prices/variants/W1/list", json=price)).raise_for_status()
    await tree.change(wine, name="Spirits", slug="spirits")

    assert [one["slug"] for one in (await browser.http.get("/v1/store/categories")).json()["items"]] == [
        "pantry",
        "spirits",
    ]
    listed = (await browser.http.get("/v1/store/products?category=spirits")).json()["items"]
    found = (await browser.http.get("/v1/store/search?q=spirits")).json()["items"]
    assert [one["title"] for one in listed] == [one["title"] for one in found] == ["Of Wine W1"]


async def test_the_tree_is_listed_level_by_level(tree: Tree) -> None:
    top = await tree.add("Top")
    below = [await tree.add(f"Below {number}", top) for number in range(3)]
    names: list[str] = []
    cursor = ""
    while True:
        page = (await tree.http.get(f"{AT}?limit=2{cursor}")).json()
        names += [one["name"] for one in page["items"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert names == ["Pantry", "Top", *(one["name"] for one in below)]
    children = (await tree.http.get(f"{AT}?parent_id={top['id']}")).json()["items"]
    assert [one["id"] for one in children] == [one["id"] for one in below]
    roots = (await tree.http.get(f"{AT}?roots=true")).json()["items"]
    assert [(one["name"], one["children"]) for one in roots] == [("Pantry", 0), ("Top", 3)]
