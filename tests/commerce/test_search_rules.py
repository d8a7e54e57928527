"""Rules of the order of searches: drafts, what holds, and what the decision service hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from commerce.merchandising import telling
from foundation.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

    import httpx

    from foundation.settings import Settings
    from tests.asking import Ask
    from tests.factories import SeededShop

ADDRESS = "/v1/admin/search/rules"


def written(**given: Any) -> dict[str, Any]:
    return {"name": "Soup week", "query": "soup", "boost": {"brands": ["Store brand"]}, **given}


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database.of(settings, pool_size=1)
    yield database
    await database.close()


async def told(database: Database, tenant_id: UUID) -> list[tuple[UUID, list[str]]]:
    async with database.tx(tenant_id, read_only=True) as tx:
        return [(one.id, list(one.boost.brands)) for one in (await telling.read(tx)).rules]


async def test_the_service_hears_how_categories_are_called_in_any_language(
    database: Database, grocer: SeededShop, rows: Ask
) -> None:
    rows("""UPDATE category SET translations = '{"fr": {"name": "Épicerie"}, "it": {"name": "Pantry"}, "de": {}}'
            WHERE slug = 'pantry' AND tenant_id = %s""", grocer.id)  # fmt: skip
    async with database.tx(grocer.id, read_only=True) as tx:
        assert [one.names for one in (await telling.read(tx)).categories] == [("Pantry", "Épicerie")]


async def test_what_holds_stays_while_the_draft_is_written_anew(
    staff: httpx.AsyncClient, database: Database, grocer: SeededShop, fashion: SeededShop, rows: Ask
) -> None:
    made = (await staff.post(ADDRESS, json=written())).json()
    at, publication = f"{ADDRESS}/{made['id']}", f"{ADDRESS}/{made['id']}/publication"
    assert (made["version"], made["previewed"], made["published"]) == (1, False, None)
    assert await told(database, grocer.id) == []

    early = await staff.put(publication, json={"version": 1})
    assert (early.status_code, early.json()["code"]) == (409, "search.rule_not_previewed")
    rows("UPDATE search_rule SET previewed = 1")
    assert (await staff.put(publication, json={"version": 1})).json()["published"] == 1
    assert [brands for _, brands in await told(database, grocer.id)] == [["Store brand"]]

    changed = await staff.put(at, json=written(boost={"brands": ["Acme"]}, version=1))
    assert (changed.json()["version"], changed.json()["previewed"], changed.json()["published"]) == (2, False, 1)
    assert [brands for _, brands in await told(database, grocer.id)] == [["Store brand"]]
    assert await told(database, fashion.id) == []
    stale = await staff.put(publication, json={"version": 1})
    assert (stale.json()["code"], stale.json()["version"]) == ("search.rule_stale", 2)

    assert (await staff.delete(publication)).json()["published"] is None
    assert await told(database, grocer.id) == []
    assert (await staff.delete(at)).status_code == 204
    assert (await staff.get(at)).json()["code"] == "search.rule_not_found"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (lambda _: {"query": None}, "request.invalid_fields"),
        (lambda _: {"boost": {}}, "request.invalid_fields"),
        (lambda _: {"query": "  !  "}, "request.invalid_fields"),
        (lambda _: {"redirect": "https://elsewhere.example"}, "request.invalid_fields"),
        (lambda _: {"redirect": "//elsewhere.example"}, "request.invalid_fields"),
        (lambda _: {"redirect": "/\\elsewhere.example"}, "request.invalid_fields"),
        (lambda _: {"redirect": "/search?q=soup"}, "request.invalid_fields"),
        (lambda _: {"starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-02T00:00:00Z"}, "request.invalid_fields"),
        (lambda shop: {"pin": [str(shop.products[0].product_id)] * 2}, "request.invalid_fields"),
        (lambda _: {"pin": [str(uuid4())]}, "search.rule_names_nothing"),
        (lambda _: {"hide": {"categories": [str(uuid4())]}}, "search.rule_names_nothing"),
    ],
)
async def test_what_changes_nothing_or_names_nothing_is_refused(
    staff: httpx.AsyncClient, fashion: SeededShop, wrong: Callable[[SeededShop], dict[str, Any]], code: str
) -> None:
    refused = await staff.post(ADDRESS, json=written(**wrong(fashion)))
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await staff.get(ADDRESS)).json()["items"] == []


async def test_a_product_of_another_shop_is_none(staff: httpx.AsyncClient, fashion: SeededShop) -> None:
    theirs = str(fashion.products[0].product_id)
    refused = await staff.post(ADDRESS, json=written(pin=[theirs]))
    assert refused.json()["missing"] == [theirs]


async def test_without_an_answer_of_the_service_there_is_no_preview(staff: httpx.AsyncClient) -> None:
    made = (await staff.post(ADDRESS, json=written())).json()
    refused = await staff.post(f"{ADDRESS}/{made['id']}/previews", json={})
    assert (refused.status_code, refused.json()["code"]) == (503, "search.preview_unavailable")
    assert not (await staff.get(f"{ADDRESS}/{made['id']}")).json()["previewed"]
