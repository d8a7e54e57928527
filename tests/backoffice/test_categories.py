"""The pages of the tree of categories."""

from __future__ import annotations

import re

import httpx

AT = "/back-office/categories"


async def test_the_tree_is_grown_moved_and_cut_on_pages(admin: httpx.AsyncClient, analyst: httpx.AsyncClient) -> None:
    for name in ("Food", "Drinks"):
        assert (await admin.post(AT, data={"name": name, "slug": ""})).status_code == 303
    food = _link(await admin.get(AT), "Food")
    assert (await admin.post(f"{food}/children", data={"name": "Juice", "slug": ""})).headers["location"] == food
    juice = _link(await admin.get(food), "Juice")

    moved = await admin.post(juice, data={"name": "Juices", "slug": "juices", "above": "drinks"})
    assert moved.headers["location"] == juice
    drinks = _link(await admin.get(AT), "Drinks")
    assert _link(await admin.get(drinks), "Juices") == juice

    refused = await admin.post(drinks, data={"name": "Drinks", "slug": "drinks", "above": "juices"})
    assert (refused.status_code, _code(refused)) == (422, "catalog.category_cycle")
    taken = await admin.post(f"{drinks}/children", data={"name": "Food again", "slug": "food"})
    assert (taken.status_code, _code(taken)) == (409, "catalog.category_slug_taken")
    assert 'value="Food again"' in taken.text
    assert 'value="Drinks"' in taken.text
    full = await admin.post(f"{drinks}/removal", data={})
    assert (full.status_code, _code(full)) == (409, "catalog.category_not_empty")

    assert (await admin.post(f"{juice}/removal", data={})).headers["location"] == drinks
    assert (await admin.get(juice)).status_code == 404
    shown = await analyst.get(drinks)
    assert shown.status_code == 200
    assert "<form" not in shown.text.partition("<main")[2]
    assert (await analyst.post(f"{drinks}/removal", data={})).status_code == 403


def _link(page: httpx.Response, name: str) -> str:
    found = re.search(rf'<a href="({AT}/[0-9a-f-]+)"[^>]*><span[^>]*><span[^>]*>{name}</span>', page.text)
    assert found, f"{name} is not on the page"
    return found[1]


def _code(page: httpx.Response) -> str | None:
    found = re.search(r'data-problem="([^"]+)"', page.text)
    return found[1] if found else None
