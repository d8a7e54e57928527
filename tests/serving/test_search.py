"""From the catalogue in Postgres to the answer: what is found, for whom, how soon, and what happens when it can't be."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import numpy as np
import orjson
import psycopg
import pytest
from pydantic import SecretStr
from qdrant_client import models

from commerce.catalog import service as catalog
from foundation import clients
from foundation.database import Database
from foundation.ids import new_id
from foundation.progress import Progress, silent
from foundation.search import After, Chosen, Range, SearchAnswer, SearchRequest
from foundation.settings import Settings
from foundation.steering import VERSIONS, CategoryNames, SearchRule, Steering, Synonym, Targets, steering_key
from models.arrays import Floats, Ints
from models.search.encoder import Teacher, load
from models.search.lexical import Counts, InMemory, query_vector
from models.search.spec import Parameters
from models.search.understanding import understand
from pipelines import products
from serving.column_store import ColumnStore, Holder
from serving.encoding import encode_all
from serving.following import Follower
from serving.index import Building, IndexUnavailable, search_alias_of
from serving.recognising import NUDGES
from serving.search_building import NoSuchTenant, build, document_of
from serving.search_index import SearchBuilding, SearchIndex
from serving.searching import Searched, Searcher
from serving.shop_encoders import ShopEncoders
from serving.steering import Steerings
from serving.vocabulary import Vocabularies
from tests.engines.qdrant.conftest import KEY
from tests.factories import seed_shop
from tests.relays import changes_may_be_followed

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

DISTILS_FROM = 1_000_000
TITLES = (
    "Laptop computer 15 inch",
    "Laptop bag",
    "Wireless mouse",
    "Orange juice 1.5 l",
    "Running shoes",
    "Tomato soup",
)


class PatientFollower(Follower):
    """Follows only when all that is committed may be followed."""

    def follow(self) -> int:
        changes_may_be_followed(self._connection)
        return super().follow()


@pytest.fixture(scope="module")
def encoder() -> Teacher:
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
        objects_url=(tmp_path / "objects").as_uri(),
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
        self.variants = {sold.title: sold.variant_id for sold in seeded.products}

    def change(self, which: str, **columns: str) -> None:
        """A product is written, as the back office does it."""
        with self._app() as app:
            for column, value in columns.items():
                app.execute(f"UPDATE product SET {column} = %s WHERE id = %s", (value, self.products[which]))
            app.execute("UPDATE search_document SET words = '' WHERE product_id = %s", (self.products[which],))
            app.execute("SELECT index_products(%s)", ([self.products[which]],))

    def put_in_category(self, which: str, name: str) -> UUID:
        """It is the first product of the category."""
        category_id = new_id()
        with self._app() as app:
            app.execute(
                "INSERT INTO category (tenant_id, id, path, name, slug, depth, product_count) VALUES (%s, %s, 'first', %s, 'first', 0, 1)",
                (self.id, category_id, name),
            )
        self.change(which, category_id=str(category_id))
        return category_id

    def cost(self, which: str, amount: int) -> None:
        with self._app() as app:
            app.execute("UPDATE price SET amount = %s WHERE variant_id = %s", (amount, self.variants[which]))

    def sell_out(self, which: str) -> None:
        with self._app() as app:
            app.execute(
                "UPDATE stock SET sold = sold + available, available = 0 WHERE variant_id = %s", (self.variants[which],)
            )

    def review(self, which: str, *stars: int) -> None:
        """So many people give a product so many stars, and it is published."""
        with self._app() as app:
            for rating in stars:
                app.execute(
                    "WITH who AS (INSERT INTO customer (tenant_id, id, reference, display_name)"
                    " VALUES (current_tenant(), gen_random_uuid(), gen_random_uuid()::text, '') RETURNING id)"
                    " INSERT INTO review (tenant_id, id, product_id, customer_id, rating, title, body, author, locale,"
                    " verified, status, written_at) SELECT current_tenant(), gen_random_uuid(), %s, id, %s, '', '', '',"
                    " 'en', true, 'published', now() FROM who",
                    (self.products[which], rating),
                )

    def collect(self, *which: str) -> UUID:
        """A collection of these products."""
        collection_id = new_id()
        with self._app() as app:
            app.execute(
                "INSERT INTO collection (tenant_id, id, handle, title, sort) VALUES (%s, %s, %s, 'C', 'by_hand')",
                (self.id, collection_id, str(collection_id)),
            )
            for place, title in enumerate(which):
                app.execute(
                    "INSERT INTO collection_product (tenant_id, collection_id, product_id, place)"
                    " VALUES (%s, %s, %s, %s)",
                    (self.id, collection_id, self.products[title], place),
                )
        return collection_id

    @contextmanager
    def _app(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self._urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.id),))
            yield app


@pytest.fixture
def shop(database_urls: DatabaseUrls) -> Shop:
    return Shop(database_urls, "gadgets", TITLES)


@pytest.fixture
async def searcher(settings: Settings, encoder: Teacher) -> AsyncIterator[Searcher]:
    redis, index, blocking = clients.redis_async(settings), SearchIndex.connect(settings), clients.redis(settings)
    holder = Holder(ColumnStore(blocking, settings.require("objects_url", "Objects")))
    encoders = ShopEncoders(lambda: encoder, settings.require("objects_url", "Objects"), distils_from=DISTILS_FROM)
    yield Searcher(Vocabularies(redis, holder), Steerings(redis), index, encoders)
    await redis.aclose()
    await index.close()
    blocking.close()


@pytest.fixture
def follower(settings: Settings, encoder: Teacher) -> Iterator[Follower]:
    follower = PatientFollower.connect(settings, "", lambda: encoder)
    yield follower
    follower.close()


def follow(follower: Follower) -> None:
    """All that there is to bring into the index."""
    follower.hear(0)
    while follower.follow() or not follower.is_idle:
        follower.compare()
        if not follower.encoding.is_done:
            follower.encoding.step()


def complete(settings: Settings, shop: Shop, follower: Follower) -> None:
    """An index of words and meaning."""
    build(settings, shop.id)
    encode_all(follower.encoding, shop.id)


async def ask(searcher: Searcher, shop: Shop, query: str = "", **given: Any) -> SearchAnswer:
    await searcher.refresh()
    request = SearchRequest(tenant_id=shop.id, query=query, **{"deadline_ms": 5000, **given})
    return (await searcher.decide(request)).answer


def titles(answer: SearchAnswer, shop: Shop) -> list[str]:
    by_id = {product_id: title for title, product_id in shop.products.items()}
    return [by_id[item.product_id] for item in answer.items]


async def test_words_meaning_quantities_and_numbers_find_the_product(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    assert build(settings, shop.id).products == len(TITLES)
    encode_all(follower.encoding, shop.id)

    for query, first, source in (
        ("laptop bags", "Laptop bag", "both"),
        ("sneakers", "Running shoes", "meaning"),
        ("1500ml", "Orange juice 1.5 l", "both"),
        ("sku-4", "Running shoes", "identifier"),
    ):
        answer = await ask(searcher, shop, query)
        assert (titles(answer, shop)[0], answer.items[0].source) == (first, source), query
        assert (answer.policy, answer.fallback) == ("hybrid", None)


async def test_words_answer_until_the_meaning_is_complete(settings: Settings, shop: Shop, searcher: Searcher) -> None:
    build(settings, shop.id)
    answer = await ask(searcher, shop, "laptop bags")
    assert (titles(answer, shop)[0], answer.policy, answer.items[0].source) == ("Laptop bag", "words", "words")
    assert (await ask(searcher, shop, "sneakers")).items == []


async def test_what_is_of_a_brand_that_is_named_goes_first_and_the_brand_is_told(
    settings: Settings, shop: Shop, searcher: Searcher
) -> None:
    shop.change("Laptop bag", brand="Mouse & Co")
    build(settings, shop.id)
    answer = await ask(searcher, shop, "mouse & co laptop")
    assert [one.value for one in answer.recognised] == ["Mouse & Co"]
    assert titles(answer, shop)[0] == "Laptop bag"
    assert (await ask(searcher, shop, "laptop")).recognised == ()


async def test_what_is_in_a_category_that_is_named_goes_first_and_the_category_is_told(
    settings: Settings, shop: Shop, searcher: Searcher
) -> None:
    category = shop.put_in_category("Laptop bag", "Luggage & bags")
    build(settings, shop.id)
    said = Steering(
        synonyms=(Synonym(phrases=("luggage & bags",), written="carrier"),),
        categories=(
            CategoryNames(id=category, names=("Luggage & bags", "Laptops")),
            CategoryNames(id=new_id(), names=("Laptops",)),
        ),
    )
    before = {query: await ask(searcher, shop, query) for query in ("laptop", "laptop bag")}
    with closing(clients.redis(settings)) as redis:
        redis.set(steering_key(shop.id), said.model_dump_json())
        redis.hset(VERSIONS, str(shop.id), "1")

    by_synonym = await ask(searcher, shop, "laptop carriers")
    after = {query: await ask(searcher, shop, query) for query in before}

    # Of two categories of one name, the one with products that answer.
    for answer in (by_synonym, *after.values()):
        assert [(one.facet, one.value) for one in answer.recognised] == [("category", str(category))]
    # The name alone is left to its words.
    assert after["laptop"].items == before["laptop"].items
    assert after["laptop bag"].items[0].score == before["laptop bag"].items[0].score - NUDGES["category"]
    assert (await ask(searcher, shop, "wireless mouse")).recognised == ()


async def test_the_newest_is_what_was_published_last(settings: Settings, shop: Shop, searcher: Searcher) -> None:
    shop.change("Laptop bag", published_at="2099-01-01")
    shop.change("Tomato soup", published_at="2001-01-01")
    build(settings, shop.id)
    shown = titles(await ask(searcher, shop, sort="newest"), shop)
    assert (shown[0], shown[-1]) == ("Laptop bag", "Tomato soup")


async def test_where_nothing_has_enough_of_the_words_what_has_some_is_shown_and_told(
    settings: Settings, shop: Shop, searcher: Searcher
) -> None:
    build(settings, shop.id)
    answer = await ask(searcher, shop, "tomato running mouse computer")
    assert answer.relaxed == ["some_words"]
    assert set(titles(answer, shop)) == {"Tomato soup", "Running shoes", "Wireless mouse", "Laptop computer 15 inch"}
    assert (await ask(searcher, shop, "zzzz")).items == []


async def test_what_staff_say_of_words_holds_within_one_look(
    settings: Settings, encoder: Teacher, shop: Shop, searcher: Searcher
) -> None:
    build(settings, shop.id)
    assert (await ask(searcher, shop, "knapsacks")).items == []
    said = Steering(synonyms=(Synonym(phrases=("laptop bag",), written="knapsack"),))
    with closing(clients.redis(settings)) as redis:
        redis.set(steering_key(shop.id), said.model_dump_json())
        redis.hset(VERSIONS, str(shop.id), "1")

    answer = await ask(searcher, shop, "knapsacks")

    assert (titles(answer, shop)[0], answer.items[0].source) == ("Laptop bag", "words")
    assert (answer.relaxed, answer.corrected) == ([], {})


async def test_rules_of_the_shop_are_followed_in_a_search_and_in_its_whole_and_the_log_names_them(
    settings: Settings, shop: Shop, searcher: Searcher
) -> None:
    build(settings, shop.id)
    nobody, bag, mouse = Targets(), shop.products["Laptop bag"], shop.products["Wireless mouse"]
    rule = SearchRule(id=new_id(), query="laptop", match="contains", category_id=None, price_group=None, starts_at=None,
                      ends_at=None, pin=(mouse,), boost=nobody, bury=nobody, hide=Targets(products=(bag,)),
                      redirect="/c/laptops")  # fmt: skip
    with closing(clients.redis(settings)) as redis:
        redis.set(steering_key(shop.id), Steering(rules=(rule,)).model_dump_json())
        redis.hset(VERSIONS, str(shop.id), "1")

    answer = await ask(searcher, shop, "laptops")
    assert (titles(answer, shop), answer.rules) == (["Laptop bag", "Laptop computer 15 inch"], ())
    await searcher.refresh()
    request = SearchRequest(tenant_id=shop.id, query="a laptop", deadline_ms=5000)
    searched = await searcher.decide(request)

    assert titles(searched.answer, shop) == ["Wireless mouse", "Laptop computer 15 inch"]
    assert (searched.answer.total, searched.answer.rules, searched.answer.redirect) == (2, (rule.id,), "/c/laptops")
    assert searched.row["guardrails"] == [f"rule:{rule.id}"]


async def test_a_slip_is_put_right_and_told(settings: Settings, shop: Shop, searcher: Searcher) -> None:
    build(settings, shop.id)
    answer = await ask(searcher, shop, "wireles mosue")
    assert titles(answer, shop)[0] == "Wireless mouse"
    assert (answer.query, answer.corrected) == ("wireless mouse", {"wireles": "wireless", "mosue": "mouse"})


async def test_it_is_told_when_the_words_were_let_go(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    complete(settings, shop, follower)
    assert (await ask(searcher, shop, "sneakers")).relaxed == ["words"]
    assert (await ask(searcher, shop, "shoes")).relaxed == []


@pytest.mark.parametrize(
    "query",
    ["😀 ?!", "the of and", "' OR 1=1; DROP TABLE product; --", "(a+)+$[", "soup " * 40],
    ids=["emoji", "stop words", "SQL", "a regular expression", "as long as can be"],
)
async def test_any_query_is_answered_by_what_it_says(
    settings: Settings, shop: Shop, searcher: Searcher, query: str
) -> None:
    build(settings, shop.id)
    answer = await ask(searcher, shop, query)
    assert (answer.fallback, titles(answer, shop)) == (None, ["Tomato soup"] if "soup" in query else [])


async def test_the_index_scores_words_as_the_benchmark_does(settings: Settings, shop: Shop, searcher: Searcher) -> None:
    build(settings, shop.id)
    await searcher.refresh()
    with psycopg.connect(settings.require("database_relay_url", "Postgres"), autocommit=True) as connection:
        (batch,) = products.published(connection, shop.id)
    in_memory = InMemory([Counts.of(document_of(one), "en") for one in batch])
    query = understand("laptop computer bag juice").terms
    known = searcher.vocabularies.of(shop.id)
    assert known is not None
    columns = known.held.columns

    found = columns.postings.matching(query_vector(query), columns.alive, share=0)

    expected = dict(zip((one.product_id for one in batch), in_memory.scores(query, Parameters().words), strict=True))
    scores = {columns.id_of(int(row)): score for row, score in zip(found.rows, found.scores, strict=True)}
    assert scores == pytest.approx({one: s for one, s in expected.items() if s}, rel=1e-3)


async def test_another_tenants_words_change_nothing_and_its_products_are_never_found(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower, database_urls: DatabaseUrls
) -> None:
    complete(settings, shop, follower)
    before = {query: (await ask(searcher, shop, query)).items for query in ("laptop", "wireles", "juice", "")}

    other = Shop(database_urls, "others", tuple(f"Laptop wireles number {number}" for number in range(30)))
    complete(settings, other, follower)
    with closing(clients.qdrant(settings)) as qdrant:
        # As if somebody had forgotten whose a point is.
        (stray,), _ = qdrant.scroll(search_alias_of(other.id), limit=1, with_vectors=True, with_payload=True)
        point = models.PointStruct(id=str(new_id()), vector=stray.vector or {}, payload=stray.payload)
        qdrant.upsert(search_alias_of(shop.id), [point], wait=True)

    assert {query: (await ask(searcher, shop, query)).items for query in before} == before
    assert titles(await ask(searcher, shop, "wireles"), shop)[0] == "Wireless mouse"


async def test_what_changes_is_found_by_its_new_words_and_what_is_withdrawn_no_more(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    complete(settings, shop, follower)
    follow(follower)

    shop.change("Tomato soup", title="Zephyrix gazpacho")
    shop.change("Laptop bag", status="archived")
    assert follower.follow() == 2

    assert titles(await ask(searcher, shop, "zephyrix"), shop)[0] == "Tomato soup"
    assert (await ask(searcher, shop, "zephyrix")).corrected == {}
    assert (await ask(searcher, shop, "zephyrx")).corrected == {"zephyrx": "zephyrix"}
    assert "Laptop bag" not in titles(await ask(searcher, shop, "laptop bag"), shop)
    assert follower.follow() == 0


async def test_prices_and_stock_are_followed_without_encoding_anything(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    complete(settings, shop, follower)
    follow(follower)

    shop.cost("Tomato soup", 9_999)
    shop.sell_out("Running shoes")
    with shop._app() as app:
        # As whoever keeps answers says it, to hear whether it is heard.
        app.execute("SELECT pg_notify('catalogue_changed', 'word:0a1b')")
    for _each in range(3):
        follower.hear(1)

    dear = Chosen(facet="price", ranges=[Range(least=9_000)])
    assert titles(await ask(searcher, shop, chosen=[dear]), shop) == ["Tomato soup"]
    out = Chosen(facet="availability", values=["sold_out"])
    assert titles(await ask(searcher, shop, chosen=[out]), shop) == ["Running shoes"]
    assert follower.encoding.is_done


async def test_ratings_are_followed_as_prices_are_and_built_in_from_the_beginning(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    shop.review("Laptop bag", 4, 4)
    complete(settings, shop, follower)
    follow(follower)
    shop.review("Running shoes", 5, 5, 5, 5, 5, 4)
    shop.review("Tomato soup", 5, 1)
    for _each in range(3):
        follower.hear(1)

    answer = await ask(searcher, shop, facets=True, sort="rating")
    assert titles(answer, shop)[:3] == ["Running shoes", "Laptop bag", "Tomato soup"]
    counted = next(one for one in answer.facets if one.facet == "rating")
    assert {one.value: one.count for one in counted.values} == {"4": 2, "3": 3, "2": 3, "1": 3}
    good = await ask(searcher, shop, chosen=[Chosen(facet="rating", values=["4"])], sort="rating")
    assert (titles(good, shop), good.total) == (["Running shoes", "Laptop bag"], 2)


async def test_collections_are_followed_and_are_a_facet_and_a_list_of_their_own(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    gifts = shop.collect("Laptop bag", "Tomato soup")
    build(settings, shop.id)
    follower.follow()
    desk = shop.collect("Wireless mouse", "Laptop bag", "Laptop computer 15 inch")
    with shop._app() as app:
        app.execute("DELETE FROM collection_product WHERE product_id = %s", (shop.products["Tomato soup"],))
    for _each in range(4):
        follower.hear(1)

    answer = await ask(searcher, shop, "laptop", facets=True)
    counted = next(one for one in answer.facets if one.facet == "collection")
    assert {one.value: one.count for one in counted.values} == {str(desk): 2, str(gifts): 1}
    either = Chosen(facet="collection", values=[str(gifts), str(desk)])
    assert (await ask(searcher, shop, chosen=[either])).total == 3
    arranged = [shop.products[title] for title in ("Wireless mouse", "Laptop bag", "Laptop computer 15 inch")]
    order = {"collection": desk, "arranged": arranged, "limit": 2, "facets": True}
    first = await ask(searcher, shop, **order)
    last = first.items[-1]
    rest = await ask(searcher, shop, **order, after=After(key=last.score, product_id=last.product_id))
    assert [one.product_id for one in (*first.items, *rest.items)] == arranged
    assert (first.total, first.has_more, rest.has_more) == (3, True, False)
    there = next(one for one in first.facets if one.facet == "collection")
    assert {one.value: one.count for one in there.values} == {str(desk): 3, str(gifts): 1}
    assert (await ask(searcher, shop, "laptop", collection=gifts)).total == 1


async def test_a_snapshot_that_cannot_be_read_is_built_anew(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    build(settings, shop.id)
    for file in settings.var_dir.rglob("*.npz"):
        file.write_bytes(b"of another form")
    assert (await ask(searcher, shop, "laptop")).fallback_reason == "no_index"
    follow(follower)
    answer = await ask(searcher, shop, "laptop")
    assert set(titles(answer, shop)[:2]) == {"Laptop computer 15 inch", "Laptop bag"}


async def test_new_prices_by_the_hundred_are_found_before_all_is_compared(
    settings: Settings, searcher: Searcher, follower: Follower, database_urls: DatabaseUrls
) -> None:
    shop = Shop(database_urls, "many", tuple(f"Soup {number}" for number in range(101)))
    build(settings, shop.id)
    follower.follow()
    with shop._app() as app:
        app.execute("UPDATE price SET amount = 7, updated_at = now()")
    follower.hear(1)

    seven = Chosen(facet="price", ranges=[Range(least=7, most=7)])
    assert (await ask(searcher, shop, chosen=[seven])).total == 101


async def test_words_and_prices_are_followed_while_qdrant_is_away_and_what_was_missed_is_encoded_then(
    settings: Settings,
    encoder: Teacher,
    shop: Shop,
    searcher: Searcher,
    follower: Follower,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> Any:
        raise IndexUnavailable("away")

    build(settings, shop.id)
    follow(follower)
    stop = threading.Event()
    stop.set()
    with monkeypatch.context() as patched:
        patched.setattr(SearchBuilding, "prepare", away)
        patched.setattr(SearchBuilding, "remove", away)
        patched.setattr("serving.following.AWAY_SECONDS", 0.0)
        shop.change("Tomato soup", title="Zephyrix gazpacho")
        shop.change("Laptop bag", status="archived")
        shop.cost("Wireless mouse", 9_999)
        for _turn in range(4):
            follower.turn(stop)
        assert titles(await ask(searcher, shop, "zephyrix"), shop) == ["Tomato soup"]
        assert titles(await ask(searcher, shop, sort="price_desc", limit=1), shop) == ["Wireless mouse"]
        assert not follower.encoding.is_done

    follow(follower)
    hits = await searcher.index.of(shop.id).alike(
        encoder.encode(["zephyrix gazpacho"])[0], encoder=encoder.name, limit=1
    )
    assert hits[0].id == str(shop.products["Tomato soup"])
    assert hits[0].score > 0.8


async def test_what_was_not_told_is_found_by_comparing(
    settings: Settings, shop: Shop, searcher: Searcher, encoder: Teacher
) -> None:
    build(settings, shop.id)
    shop.cost("Tomato soup", 9_999)
    with closing(PatientFollower.connect(settings, "", lambda: encoder)) as late:
        follow(late)
    assert titles(await ask(searcher, shop, sort="price_desc", limit=1), shop) == ["Tomato soup"]


async def test_what_is_available_is_what_the_cards_say(
    settings: Settings, shop: Shop, database_urls: DatabaseUrls
) -> None:
    shop.sell_out("Running shoes")
    shop.sell_out("Laptop bag")
    with shop._app() as app:
        app.execute(
            "INSERT INTO stock_policy (tenant_id, id, variant_id, backorder_limit) VALUES (%s, %s, %s, 3)",
            (shop.id, new_id(), shop.variants["Laptop bag"]),
        )
        app.execute("UPDATE stock SET kept_back = available WHERE variant_id = %s", (shop.variants["Wireless mouse"],))
    wanted = list(shop.products.values())
    database = Database(database_urls.app)
    told = SimpleNamespace(id=shop.id, currency="USD", language=None)
    cards = orjson.loads(await catalog.cards(database, cast("Any", told), None, wanted))["items"]
    await database.close()
    with psycopg.connect(database_urls.relay, autocommit=True) as relay:
        sold = {str(one.product_id): one.available for one in products.facts_of(relay, shop.id, wanted)}
    assert {card["id"]: card["available"] for card in cards} == sold
    assert sorted(sold.values()) == [False] * 2 + [True] * 4


async def test_a_rebuild_is_switched_to_whole_and_encodes_nothing_twice(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower, encoder: Teacher
) -> None:
    complete(settings, shop, follower)
    follow(follower)
    shop.change("Tomato soup", title="Pea soup")

    build(settings, shop.id)
    assert titles(await ask(searcher, shop, "pea soup"), shop)[0] == "Tomato soup"

    asked: list[str] = []
    counting = SimpleNamespace(
        name=encoder.name,
        dimensions=encoder.dimensions,
        at_once=encoder.at_once,
        encode=lambda sentences: asked.extend(sentences) or encoder.encode(sentences),
    )
    with closing(PatientFollower.connect(settings, "", lambda: cast("Teacher", counting))) as anew:
        follow(anew)
    assert asked == ["Pea soup. Pantry"]
    with closing(clients.qdrant(settings)) as qdrant:
        assert Building(qdrant).drop(shop.id) == 1


async def test_many_changes_become_a_new_snapshot_and_nothing_is_lost(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.following.PACKED_AFTER", 2)
    build(settings, shop.id)
    follow(follower)
    await searcher.refresh()
    before = searcher.vocabularies.of(shop.id)
    for number in range(4):
        shop.change("Tomato soup", title=f"Soup number {number}")
        follow(follower)
    shop.cost("Laptop bag", 77)
    for _each in range(20):  # what was told of the titles may come before it
        follower.hear(1)
        follow(follower)
        cheapest = titles(await ask(searcher, shop, sort="price_asc", limit=1), shop)
        if cheapest == ["Laptop bag"]:
            break

    assert cheapest == ["Laptop bag"]
    assert titles(await ask(searcher, shop, "soup number 3"), shop) == ["Tomato soup"]
    after = searcher.vocabularies.of(shop.id)
    assert before is not None
    assert after is not None
    assert after.held.columns.size < len(TITLES) + 4


async def test_without_an_answer_the_fallback_is_named_and_why(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower
) -> None:
    reasons = {"no_index": (await ask(searcher, shop, "soup")).fallback_reason}
    complete(settings, shop, follower)
    reasons["late"] = (await ask(searcher, shop, "soup", deadline_ms=1)).fallback_reason
    assert reasons == {reason: reason for reason in reasons}

    assert (await ask(replace(searcher, shop_encoders=None), shop, "soup")).policy == "words"
    request = SearchRequest(tenant_id=shop.id, query="soup", deadline_ms=5000)
    with closing(clients.qdrant(settings)) as qdrant:
        SearchBuilding(qdrant).remove(shop.id, [])
        Building(qdrant).drop(shop.id)
    without = await searcher.decide(request)
    assert (without.answer.policy, titles(without.answer, shop)) == ("words", ["Tomato soup"])
    late = await searcher.decide(request.model_copy(update={"deadline_ms": 1}))
    assert late.answer.fallback == late.row["fallback"] == "full_text"
    assert "soup" not in str(late.row)


async def test_pages_go_through_the_whole_result(settings: Settings, shop: Shop, searcher: Searcher) -> None:
    build(settings, shop.id)
    seen: list[str] = []
    after = None
    while True:
        page = await ask(searcher, shop, sort="price_desc", limit=4, after=after)
        seen += titles(page, shop)
        if not page.has_more:
            break
        after = After(key=page.items[-1].score, product_id=page.items[-1].product_id)
    assert seen == list(reversed(TITLES))
    assert page.total == len(TITLES)


async def test_what_never_was_there_is_told(settings: Settings, shop: Shop, searcher: Searcher) -> None:
    build(settings, shop.id)
    chosen = [
        Chosen(facet="brand", values=["Store brand", "Nobody's"]),
        Chosen(facet="attribute.flavour", values=["sweet"]),
    ]
    answer = await ask(searcher, shop, chosen=chosen)
    assert [(one.facet, one.value) for one in answer.unknown] == [("brand", "Nobody's"), ("attribute.flavour", None)]
    assert answer.items == []


def test_a_tenant_that_nobody_knows_is_told(settings: Settings) -> None:
    with pytest.raises(NoSuchTenant):
        build(settings, UUID(int=7))


class Reading:
    """The encoder that the tests share, as a teacher that knows few words: those are all it has to be asked for."""

    vocabulary = ("", *sorted({word.lower() for title in TITLES for word in title.split()} | {"sneakers", "pantry"}))

    def __init__(self, encoder: Teacher) -> None:
        self.name, self.dimensions, self.at_once = encoder.name, encoder.dimensions, encoder.at_once
        self._encoder = encoder
        self.asked = list[str]()

    def encode(self, sentences: Sequence[str], *, progress: Progress = silent) -> Floats:
        self.asked += sentences
        return self._encoder.encode(sentences, progress=progress)

    def tokens(self, sentences: Sequence[str]) -> list[Ints]:
        numbers = {word: number for number, word in enumerate(self.vocabulary)}
        return [
            np.array([numbers.get(word.strip(".").lower(), 0) for word in one.split()], np.int64) for one in sentences
        ]


async def test_a_large_shop_is_searched_by_an_encoder_of_its_own_that_is_distilled_once(
    settings: Settings, shop: Shop, searcher: Searcher, encoder: Teacher
) -> None:
    large = settings.model_copy(update={"search_distils_from": len(TITLES)})
    teacher = Reading(encoder)
    asking = replace(searcher, shop_encoders=ShopEncoders(lambda: teacher, str(settings.objects_url), distils_from=1))
    build(settings, shop.id)
    with closing(PatientFollower.connect(large, "", lambda: teacher)) as follower:
        follow(follower)
    answer = await asking_of(asking, shop, "sneakers")
    assert (titles(answer.answer, shop)[0], answer.answer.policy) == ("Running shoes", "hybrid")
    own = answer.row["model_name"]
    assert own.startswith(f"{encoder.name}-distilled-")

    # Who comes later reads it, and what changes is not sketched but encoded.
    teacher.asked.clear()
    with closing(PatientFollower.connect(large, "", lambda: teacher)) as late:
        follow(late)
        assert teacher.asked == []
        shop.change("Tomato soup", title="Gazpacho")
        follow(late)
    assert teacher.asked == ["Gazpacho. Pantry"]
    again = replace(asking, shop_encoders=ShopEncoders(lambda: teacher, str(settings.objects_url), distils_from=1))
    assert (await asking_of(again, shop, "sneakers")).row["model_name"] == own

    # A vector of one encoder never meets those of another, though it still believes in that one.
    stale = again.encoders
    build(settings, shop.id)
    with closing(PatientFollower.connect(settings, "", lambda: encoder)) as small:
        follow(small)
    request = SearchRequest(tenant_id=shop.id, query="running", deadline_ms=5000)
    assert (await replace(again, encoders=stale).decide(request)).answer.policy == "words"
    answer = await asking_of(searcher, shop, "sneakers")
    assert (titles(answer.answer, shop)[0], answer.row["model_name"]) == ("Running shoes", encoder.name)


async def test_what_is_filled_is_searched_when_its_graph_is_built_and_not_before(
    settings: Settings, shop: Shop, searcher: Searcher, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.encoding.ASKED_SECONDS", 0.0)
    monkeypatch.setattr("serving.index.UNGRAPHED_KB", 1)
    build(settings, shop.id)
    follower.follow()
    while not follower.encoding.only_waits:
        follower.encoding.step()
    assert not follower.encoding.is_done
    assert (await ask(searcher, shop, "sneakers")).items == []

    encode_all(follower.encoding, shop.id)
    with closing(clients.qdrant(settings)) as qdrant:
        collection = qdrant.get_collection(search_alias_of(shop.id))
    assert collection.config.optimizer_config.indexing_threshold == 1
    assert titles(await ask(searcher, shop, "sneakers"), shop)[0] == "Running shoes"


async def asking_of(searcher: Searcher, shop: Shop, query: str) -> Searched:
    await searcher.refresh()
    return await searcher.decide(SearchRequest(tenant_id=shop.id, query=query, deadline_ms=5000))
