"""From the catalogue in Postgres to the answer: what is found, for whom, how soon, and what happens when it can't be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr
from qdrant_client import models

from foundation import clients
from foundation.ids import new_id
from foundation.search import SearchAnswer, SearchRequest
from foundation.settings import Settings
from models.search.encoder import Encoder, load
from models.search.lexical import Counts, InMemory, query_vector
from models.search.spec import Parameters
from models.search.understanding import understand
from pipelines import products
from serving.index import Building, search_alias_of
from serving.search_building import Follower, NoSuchTenant, build, document_of
from serving.search_index import SearchBuilding, SearchIndex
from serving.searching import Searcher
from serving.vocabulary import Vocabularies
from tests.engines.qdrant.conftest import KEY
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

TITLES = (
    "Laptop computer 15 inch",
    "Laptop bag",
    "Wireless mouse",
    "Orange juice 1.5 l",
    "Running shoes",
    "Tomato soup",
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load(threads=1)


@pytest.fixture
def settings(database_urls: DatabaseUrls, qdrant_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(
        _env_file=None,
        var_dir=tmp_path,
        database_relay_url=SecretStr(database_urls.relay),
        redis_url=SecretStr(valkey_url),
        qdrant_url=qdrant_url,
        qdrant_api_key=SecretStr(KEY),
    )
    yield settings
    with closing(clients.qdrant(settings)) as qdrant:
        for collection in qdrant.get_collections().collections:
            qdrant.delete_collection(collection.name)


class Shop:
    """A shop whose products are in Postgres and in the index."""

    def __init__(self, urls: DatabaseUrls, slug: str, titles: tuple[str, ...]) -> None:
        self._urls = urls
        seeded = seed_shop(urls, slug, titles=titles)
        self.id = seeded.id
        self.products = {sold.title: sold.product_id for sold in seeded.products}

    def change(self, which: str, **columns: str) -> None:
        """A product is written, as the back office does it."""
        with psycopg.connect(self._urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.id),))
            for column, value in columns.items():
                app.execute(f"UPDATE product SET {column} = %s WHERE id = %s", (value, self.products[which]))
            app.execute("UPDATE search_document SET words = '' WHERE product_id = %s", (self.products[which],))
            app.execute("SELECT index_products(%s)", ([self.products[which]],))


@pytest.fixture
def shop(database_urls: DatabaseUrls) -> Shop:
    return Shop(database_urls, "gadgets", TITLES)


@pytest.fixture
async def searcher(settings: Settings, encoder: Encoder) -> AsyncIterator[Searcher]:
    redis, index = clients.redis_async(settings), SearchIndex.connect(settings)
    yield Searcher(Vocabularies(redis, index), index, encoder)
    await redis.aclose()
    await index.close()


@pytest.fixture
def follower(settings: Settings, encoder: Encoder) -> Iterator[Follower]:
    follower = Follower.connect(settings, "", lambda: encoder)
    yield follower
    follower.close()


async def ask(searcher: Searcher, shop: Shop, query: str, **given: Any) -> SearchAnswer:
    await searcher.vocabularies.refresh()
    request = SearchRequest(tenant_id=shop.id, query=query, **{"deadline_ms": 5000, **given})
    return (await searcher.decide(request)).answer


def titles(answer: SearchAnswer, shop: Shop) -> list[str]:
    by_id = {product_id: title for title, product_id in shop.products.items()}
    return [by_id[item.product_id] for item in answer.items]


async def test_words_meaning_quantities_and_numbers_find_the_product(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher
) -> None:
    built = build(settings, shop.id, encoder)

    assert (built.products, built.collection[:44]) == (len(TITLES), f"{search_alias_of(shop.id)}-v"[:44])
    for query, first, source in (
        ("laptop bags", "Laptop bag", "both"),
        ("sneakers", "Running shoes", "meaning"),
        ("1500ml", "Orange juice 1.5 l", "both"),
        ("sku-4", "Running shoes", "identifier"),
    ):
        answer = await ask(searcher, shop, query)
        assert (titles(answer, shop)[0], answer.items[0].source) == (first, source), query
        assert answer.fallback is None


async def test_a_slip_is_put_right_and_told(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher
) -> None:
    build(settings, shop.id, encoder)
    answer = await ask(searcher, shop, "wireles mosue")
    assert titles(answer, shop)[0] == "Wireless mouse"
    assert (answer.query, answer.corrected) == ("wireless mouse", {"wireles": "wireless", "mosue": "mouse"})


async def test_it_is_told_when_the_words_were_let_go(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher
) -> None:
    build(settings, shop.id, encoder)
    assert (await ask(searcher, shop, "sneakers")).relaxed == ["words"]
    assert (await ask(searcher, shop, "shoes")).relaxed == []
    nothing = await ask(searcher, shop, "😀 ?!")
    assert (nothing.fallback, [item.source for item in nothing.items if item.source != "meaning"]) == (None, [])


async def test_the_index_scores_words_as_the_benchmark_does(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher
) -> None:
    build(settings, shop.id, encoder)
    with psycopg.connect(settings.require("database_relay_url", "Postgres"), autocommit=True) as connection:
        (batch,) = products.published(connection, shop.id)
    in_memory = InMemory([Counts.of(document_of(one), "en") for one in batch])
    query = understand("laptop computer bag juice").terms

    answers = await searcher.index.of(shop.id).ask(query_vector(query), encoder.encode(["laptop"])[0], limit=100)

    expected = dict(
        zip((str(one.product_id) for one in batch), in_memory.scores(query, Parameters().words), strict=True)
    )
    assert {hit.id: hit.score for hit in answers.words} == pytest.approx(
        {one: s for one, s in expected.items() if s}, rel=1e-3
    )


async def test_another_tenants_words_change_nothing_and_its_products_are_never_found(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher, database_urls: DatabaseUrls
) -> None:
    build(settings, shop.id, encoder)
    before = {query: (await ask(searcher, shop, query)).items for query in ("laptop", "wireles", "juice")}

    other = Shop(database_urls, "others", tuple(f"Laptop wireles number {number}" for number in range(30)))
    build(settings, other.id, encoder)
    with closing(clients.qdrant(settings)) as qdrant:
        # As if somebody had forgotten whose a point is.
        (stray,), _ = qdrant.scroll(search_alias_of(other.id), limit=1, with_vectors=True, with_payload=True)
        point = models.PointStruct(id=str(new_id()), vector=stray.vector or {}, payload=stray.payload)
        qdrant.upsert(search_alias_of(shop.id), [point], wait=True)

    after = {query: (await ask(searcher, shop, query)).items for query in before}
    assert {query: [item.product_id for item in items] for query, items in after.items()} == {
        query: [item.product_id for item in items] for query, items in before.items()
    }
    assert titles(await ask(searcher, shop, "wireles"), shop)[0] == "Wireless mouse"


async def test_what_changes_is_found_by_its_new_words_and_what_is_withdrawn_no_more(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    build(settings, shop.id, encoder)
    while follower.follow():
        pass

    shop.change("Tomato soup", title="Zephyrix gazpacho")
    shop.change("Laptop bag", status="archived")
    assert follower.follow() == 2

    assert titles(await ask(searcher, shop, "zephyrix"), shop)[0] == "Tomato soup"
    assert (await ask(searcher, shop, "zephyrix")).corrected == {}
    assert (await ask(searcher, shop, "zephyrx")).corrected == {"zephyrx": "zephyrix"}
    assert "Laptop bag" not in titles(await ask(searcher, shop, "laptop bag"), shop)
    assert follower.follow() == 0


async def test_a_rebuild_is_switched_to_whole_and_leaves_one_collection(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher
) -> None:
    first = build(settings, shop.id, encoder)
    shop.change("Tomato soup", title="Pea soup")
    second = build(settings, shop.id, encoder)

    assert first.collection != second.collection
    assert await searcher.index.collections() == {shop.id: second.collection}
    assert titles(await ask(searcher, shop, "pea soup"), shop)[0] == "Tomato soup"
    with closing(clients.qdrant(settings)) as qdrant:
        assert [one.name for one in qdrant.get_collections().collections] == [second.collection]
        assert Building(qdrant).drop(shop.id) == 1


async def test_without_an_answer_the_fallback_is_named_and_why(
    settings: Settings, encoder: Encoder, shop: Shop, searcher: Searcher
) -> None:
    reasons = {"no_index": (await ask(searcher, shop, "soup")).fallback_reason}
    build(settings, shop.id, encoder)
    reasons["late"] = (await ask(searcher, shop, "soup", deadline_ms=1)).fallback_reason
    reasons["no_encoder"] = (await ask(replace(searcher, encoder=None), shop, "soup")).fallback_reason
    with closing(clients.qdrant(settings)) as qdrant:
        SearchBuilding(qdrant).remove(shop.id, [])
        Building(qdrant).drop(shop.id)
    request = SearchRequest(tenant_id=shop.id, query="soup", deadline_ms=5000)
    gone = await searcher.decide(request)
    reasons["index_unavailable"] = gone.answer.fallback_reason

    assert reasons == {reason: reason for reason in reasons}
    assert gone.answer.fallback == gone.row["fallback"] == "full_text"
    assert "soup" not in str(gone.row)


def test_a_tenant_that_nobody_knows_is_told(settings: Settings, encoder: Encoder) -> None:
    with pytest.raises(NoSuchTenant):
        build(settings, UUID(int=7), encoder)
