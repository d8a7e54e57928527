"""From the pictures that products show to the answer: what is found, whose it is, how it follows, and when it can't be."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from PIL import Image, ImageOps
from pydantic import SecretStr
from qdrant_client import models

from foundation import clients, objects
from foundation.ids import new_id
from foundation.naming import picture_path
from foundation.search import SearchAnswer
from foundation.settings import Settings
from foundation.visual import VisualAnswer, VisualRequest
from models.visual_search.register import register
from serving.index import Building, visual_alias_of
from serving.picture_encoders import PictureEncoders
from serving.searching import Searched
from serving.seeing import Decided, Looks, Seer
from serving.visual_building import Built, Follower, build
from serving.visual_index import VisualIndex
from tests.engines.qdrant.conftest import KEY
from tests.factories import TITLES, seed_shop
from tests.models.visual_search.networks import COLOURS, write_text, write_vision
from tests.models.visual_search.test_train import DIMENSIONS, QUICK
from tests.models.visual_search.test_train import pictures as labelled_vectors
from tests.relays import changes_may_be_followed

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

RED = (220, 30, 40)


def photograph(seed: int, size: tuple[int, int] = (90, 120)) -> Image.Image:
    """A picture of three colours of its own."""
    colours = np.random.default_rng(seed).integers(0, 256, (3, 1, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.BILINEAR)


def written(picture: Image.Image, kind: str = "JPEG") -> bytes:
    body = io.BytesIO()
    picture.save(body, kind, quality=95)
    return body.getvalue()


class PatientFollower(Follower):
    """Follows only when all that is committed may be followed."""

    def follow(self) -> int:
        changes_may_be_followed(self._connection)
        return super().follow()


@pytest.fixture
def settings(database_urls: DatabaseUrls, qdrant_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(
        _env_file=None,
        var_dir=tmp_path / "var",
        database_relay_url=SecretStr(database_urls.relay),
        redis_url=SecretStr(valkey_url),
        qdrant_url=qdrant_url,
        qdrant_api_key=SecretStr(KEY),
        objects_url=(tmp_path / "objects").as_uri(),
        picture_encoder=str(write_vision(tmp_path / "colours")),
    )
    yield settings
    with closing(clients.qdrant(settings)) as qdrant:
        for collection in qdrant.get_collections().collections:
            qdrant.delete_collection(collection.name)


class Shop:
    """A shop whose products came with photographs: of the first, the first; and so on."""

    def __init__(self, urls: DatabaseUrls, settings: Settings, slug: str = "gadgets", first: int = 0) -> None:
        self._urls, self._settings, self._slug = urls, settings, slug
        seeded = seed_shop(urls, slug)
        self.id, self.products = seeded.id, {sold.title: sold.product_id for sold in seeded.products}
        for number, product_id in enumerate(self.products.values(), start=first):
            self._write("UPDATE product SET image = %s WHERE id = %s", self.put(photograph(number)), product_id)

    def put(self, picture: Image.Image) -> str:
        """A picture in the object store; where it lies."""
        path = picture_path(self._slug, f"{new_id()}.jpg")
        objects.put(self._settings.require("objects_url", "objects"), path, written(picture))
        return path

    def shows(self, which: str, *pictures: Image.Image, approved: bool = True) -> None:
        """A product is given images, as the worker leaves them."""
        product_id = self.products[which]
        for position, picture in enumerate(pictures):
            media_id = new_id()
            self._write(
                "INSERT INTO product_media (tenant_id, id, product_id, kind, position, alt, approved, added_by)"
                " VALUES (%s, %s, %s, 'image', %s, 'it', %s, 'key:test')",
                self.id, media_id, product_id, position, approved,
            )  # fmt: skip
            self._write(
                "INSERT INTO media_picture (tenant_id, id, media_id, width, height, status, thumbnail)"
                " VALUES (%s, %s, %s, 1, 1, 'ready', %s)",
                self.id, new_id(), media_id, self.put(picture),
            )  # fmt: skip
        self._write("UPDATE product SET picture = '{}' WHERE id = %s", product_id)
        self.changed(which)

    def changed(self, which: str, status: str = "published") -> None:
        product_id = self.products[which]
        self._write("UPDATE product SET status = %s WHERE id = %s", status, product_id)
        self._write("UPDATE search_document SET updated_at = now() WHERE product_id = %s", product_id)

    def _write(self, statement: str, *values: Any) -> None:
        with psycopg.connect(self._urls.app) as app:
            app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(self.id),))
            app.execute(statement, values)


@pytest.fixture
def shop(database_urls: DatabaseUrls, settings: Settings) -> Shop:
    return Shop(database_urls, settings)


class Words:
    """The search by words, which finds what it is told to."""

    def __init__(self) -> None:
        self.found: list[UUID] = []

    async def decide(self, request: Any) -> Searched:
        items = [{"product_id": one, "score": 1.0, "source": "words"} for one in self.found]
        fallback = None if items else "full_text"
        return Searched(
            SearchAnswer.model_validate(
                {"decision_id": new_id(), "policy": "hybrid", "fallback": fallback, "fallback_reason": fallback,
                 "query": request.query, "corrected": {}, "relaxed": [], "items": items}
            ),
            {},
        )  # fmt: skip


@pytest.fixture
async def seer(settings: Settings) -> AsyncIterator[Seer]:
    index = VisualIndex.connect(settings)
    yield Seer(Looks(index, PictureEncoders(settings)), index, Words())  # type: ignore[arg-type]
    await index.close()


@pytest.fixture
def follower(settings: Settings) -> Iterator[Follower]:
    follower = PatientFollower.connect(settings, "", PictureEncoders(settings))
    yield follower
    follower.close()


async def decide(seer: Seer, shop: Shop, picture: Image.Image | None = None, **given: Any) -> Decided:
    await seer.looks.refresh()
    body = base64.b64encode(written(picture)).decode() if picture else None
    request = VisualRequest.model_validate({"tenant_id": shop.id, "picture": body, "deadline_ms": 5000, **given})
    return await seer.decide(request)


async def ask(seer: Seer, shop: Shop, picture: Image.Image | None = None, **given: Any) -> VisualAnswer:
    return (await decide(seer, shop, picture, **given)).answer


def titles(answer: VisualAnswer, shop: Shop) -> list[str]:
    by_id = {product_id: title for title, product_id in shop.products.items()}
    return [by_id[item.product_id] for item in answer.items]


async def test_a_picture_that_was_cut_scaled_or_turned_over_finds_its_product_first(
    settings: Settings, shop: Shop, seer: Seer
) -> None:
    built = build(settings, shop.id)
    assert (built.encoder, built.pictures) == ("colours", len(TITLES))
    for number, title in enumerate(TITLES):
        picture = photograph(number)
        for changed in (picture, picture.resize((300, 400)), picture.crop((9, 12, 81, 108)), ImageOps.mirror(picture)):
            answer = await ask(seer, shop, changed)
            assert titles(answer, shop)[0] == title
            assert sorted(titles(answer, shop)) == sorted(TITLES)
            assert (answer.policy, answer.fallback, answer.items[0].source) == ("looks", None, "picture")
    assert [item.score for item in answer.items] == sorted((item.score for item in answer.items), reverse=True)


async def test_a_product_of_several_pictures_is_found_by_each_and_once(
    settings: Settings, shop: Shop, seer: Seer, follower: Follower
) -> None:
    build(settings, shop.id)
    shop.shows("Rye bread", photograph(50), photograph(51))
    shop.shows("Green tea", photograph(52), approved=False)
    while follower.follow():
        pass
    for seed in (50, 51):
        found = titles(await ask(seer, shop, photograph(seed)), shop)
        assert (found[0], found.count("Rye bread")) == ("Rye bread", 1)
    # What it came with is shown no more, and what nobody agreed to is not shown yet.
    assert (await ask(seer, shop, photograph(2))).items[0].score < 0.999
    assert (await ask(seer, shop, photograph(50))).items[0].score > 0.999
    assert "Green tea" not in titles(await ask(seer, shop, photograph(52)), shop)


async def test_more_like_a_product_are_the_others_and_the_most_alike_first(
    settings: Settings, shop: Shop, seer: Seer, follower: Follower
) -> None:
    build(settings, shop.id)
    shop.shows("Green tea", photograph(3).resize((80, 80)))
    follower.follow()
    coffee = shop.products["Ground coffee"]
    answer = await ask(seer, shop, product_id=coffee, limit=3)
    found = titles(answer, shop)
    assert (found[0], len(found)) == ("Green tea", 3)
    assert "Ground coffee" not in found

    shop.shows("Ground coffee")
    follower.follow()
    unpictured = await ask(seer, shop, product_id=coffee)
    assert (unpictured.fallback, unpictured.fallback_reason) == ("category", "not_pictured")


async def test_what_is_withdrawn_is_found_no_more_and_nothing_is_encoded_twice(
    settings: Settings, shop: Shop, seer: Seer, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(settings, shop.id)
    read: list[str] = []
    monkeypatch.setattr(objects, "get", lambda _, path: read.append(path))
    shop.changed("Tomato soup", status="archived")
    shop.changed("Orange juice")
    assert follower.follow() == len(TITLES)
    assert read == []
    assert sorted(titles(await ask(seer, shop, photograph(0)), shop)) == sorted(set(TITLES) - {"Tomato soup"})
    assert follower.follow() == 0


async def test_another_tenants_pictures_are_never_found(
    settings: Settings, shop: Shop, seer: Seer, database_urls: DatabaseUrls
) -> None:
    build(settings, shop.id)
    before = titles(await ask(seer, shop, photograph(90)), shop)
    other = Shop(database_urls, settings, "others", first=90)
    build(settings, other.id)
    with closing(clients.qdrant(settings)) as qdrant:
        # As if somebody had forgotten whose a point is.
        strays, _ = qdrant.scroll(visual_alias_of(other.id), limit=10, with_vectors=True, with_payload=True)
        points = [models.PointStruct(id=str(new_id()), vector=one.vector or [], payload=one.payload) for one in strays]
        qdrant.upsert(visual_alias_of(shop.id), points, wait=True)
    assert titles(await ask(seer, shop, photograph(90)), shop) == before
    juice = await ask(seer, shop, product_id=other.products["Orange juice"])
    assert juice.fallback_reason == "not_pictured"


async def test_words_and_picture_together_put_first_what_both_find(settings: Settings, shop: Shop, seer: Seer) -> None:
    folder = Path(settings.picture_encoder)
    plain = [Image.new("RGB", (32, 32), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    write_text(folder, PictureEncoders(settings).called("colours").encode(plain))
    build(settings, shop.id)
    assert isinstance(seer.searcher, Words)
    seer.searcher.found = [shop.products["Ground coffee"], shop.products["Green tea"]]
    alone = titles(await ask(seer, shop, photograph(3)), shop)

    answer = await ask(seer, shop, photograph(3), query="coffee")
    assert titles(answer, shop).index("Green tea") <= alone.index("Green tea")
    assert (titles(answer, shop)[0], answer.items[0].source) == ("Ground coffee", "both")
    assert answer.policy == "looks_and_words"

    # A picture of something green, and the word for red: the encoder knows what the word looks like.
    shop.shows("Rye bread", Image.new("RGB", (60, 60), RED))
    build(settings, shop.id)
    seer.searcher.found = []
    before = titles(await ask(seer, shop, photograph(5)), shop).index("Rye bread")
    with_word = titles(await ask(seer, shop, photograph(5), query=COLOURS[0]), shop)
    assert with_word.index("Rye bread") <= before
    assert (await ask(seer, shop, photograph(5), query=COLOURS[0])).items[0].source == "both"


async def test_a_shops_champion_sees_for_it_and_for_nobody_else(
    settings: Settings, shop: Shop, seer: Seer, tmp_path: Path
) -> None:
    vectors, labels = labelled_vectors(apart=1.0)
    network = write_vision(tmp_path / "small", features=DIMENSIONS)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    register(
        vectors, labels, encoder=network, tenant_id=shop.id, tenant_slug="gadgets", tracking_uri=uri,
        code_version="test", artifact_location=(tmp_path / "artifacts").as_uri(), parameters=QUICK,
    )  # fmt: skip
    taught = settings.model_copy(update={"mlflow_tracking_uri": uri})
    encoders = PictureEncoders(taught)
    assert encoders.for_building(new_id()).name == "colours"
    built = build(taught, shop.id)
    assert built.encoder == "visual-search-gadgets/1"
    taught_seer = replace(seer, looks=Looks(seer.index, encoders))
    answer = await decide(taught_seer, shop, photograph(1))
    assert (titles(answer.answer, shop)[0], answer.row["model_name"]) == ("Orange juice", built.encoder)


async def test_a_rebuild_is_switched_to_whole_and_a_removal_leaves_nothing(
    settings: Settings, shop: Shop, seer: Seer
) -> None:
    first: Built = build(settings, shop.id)
    second = build(settings, shop.id)
    assert first.collection != second.collection
    assert await seer.index.collections() == {shop.id: second.collection}
    with closing(clients.qdrant(settings)) as qdrant:
        assert [one.name for one in qdrant.get_collections().collections] == [second.collection]
        assert Building(qdrant).drop(shop.id) == 1


async def test_without_an_answer_the_fallback_is_named_and_why(settings: Settings, shop: Shop, seer: Seer) -> None:
    picture = photograph(1)
    reasons = {"no_index": (await ask(seer, shop, picture)).fallback_reason}
    build(settings, shop.id)
    reasons["late"] = (await ask(seer, shop, picture, deadline_ms=1)).fallback_reason
    no_jpeg = base64.b64encode(written(picture, "PNG"))
    request = VisualRequest.model_validate({"tenant_id": shop.id, "picture": no_jpeg, "deadline_ms": 5000})
    reasons["unreadable_picture"] = (await seer.decide(request)).answer.fallback_reason
    other = settings.model_copy(update={"picture_encoder": "efficientnet-lite9"})
    elsewhere = replace(seer, looks=Looks(seer.index, PictureEncoders(other)))
    reasons["no_encoder"] = (await ask(elsewhere, shop, picture)).fallback_reason
    with closing(clients.qdrant(settings)) as qdrant:
        Building(qdrant).drop(shop.id)
    gone = await seer.decide(VisualRequest(tenant_id=shop.id, product_id=new_id(), deadline_ms=5000))
    reasons["index_unavailable"] = gone.answer.fallback_reason

    assert reasons == {reason: reason for reason in reasons}
    assert gone.row["fallback"] == "category"
    words = await decide(elsewhere, shop, picture, query="soup")
    assert (words.answer.fallback, words.row["kind"]) == ("full_text", "visual")
    assert "soup" not in str(words.row)
