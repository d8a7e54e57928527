"""The picture of a collection: brought, made, shown to shoppers, and gone with its files when the collection is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from commerce.app import create_app
from commerce.media import collection_pictures, leftovers
from foundation import clock
from tests.studio import Studio, thirds
from tests.waiting import started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from foundation.settings import Settings
    from tests.factories import SeededShop

Json = dict[str, Any]


@pytest.fixture
async def app(settings: Settings, tmp_path: Path) -> AsyncIterator[Any]:
    """The API with a place for pictures."""
    app = create_app(settings.model_copy(update={"objects_url": tmp_path.as_uri()}))
    async with started(app):
        yield app


@pytest.fixture
async def studio(app: Any, staff: httpx.AsyncClient, grocer: SeededShop, tmp_path: Path) -> Studio:
    return Studio(app, staff, grocer, tmp_path)


async def _collection(staff: httpx.AsyncClient) -> Json:
    body = {"title": "Picnic", "sort": "by_hand", "published": True, "menu_position": 1}
    made: Json = (await staff.post("/v1/admin/collections", json=body)).raise_for_status().json()
    return made


def _at(collection: Json) -> str:
    return f"/v1/admin/collections/{collection['id']}/picture"


async def _put(studio: Studio, collection: Json, body: bytes, **said: str) -> httpx.Response:
    headers = {"Content-Type": "image/png"}
    return await studio.http.put(_at(collection), content=body, params={"alt": "A meadow", **said}, headers=headers)


async def _seen(studio: Studio, collection: Json) -> Json:
    answer = await studio.http.get(f"/v1/store/collections/{collection['handle']}")
    found: Json = answer.raise_for_status().json()
    return found


async def test_it_is_brought_made_shown_and_taken_away(studio: Studio) -> None:
    http, collection = studio.http, await _collection(studio.http)
    assert (await http.get(_at(collection))).json()["code"] == "media.not_found"
    put = await _put(studio, collection, thirds(), focal_x="0")
    assert (put.status_code, put.json()["status"]) == (200, "waiting"), put.text
    assert (await _seen(studio, collection))["own_picture"] is None, "it is not made yet"
    assert await studio.make() == 1
    seen = await _seen(studio, collection)
    assert seen["picture"]["alt"] == seen["own_picture"]["alt"] == "A meadow"
    assert seen["own_picture"]["whole"]["width"] == 300
    assert seen["image"] is not None
    first = seen["own_picture"]["square"]["src"]

    changed = await http.patch(_at(collection), json={"alt": "A field", "focal": {"x": 100, "y": 50}})
    assert (changed.json()["alt"], changed.json()["status"]) == ("A field", "waiting")
    assert (await _seen(studio, collection))["own_picture"]["square"]["src"] == first, "as it was until it is made anew"
    assert await studio.make() == 1
    assert (await _seen(studio, collection))["own_picture"]["square"]["src"] != first
    (listed,) = (await http.get("/v1/store/collections")).json()["items"]
    assert listed["own_picture"]["alt"] == "A field"

    assert (await http.delete(_at(collection))).status_code == 204
    assert (await _seen(studio, collection))["own_picture"] is None
    assert (await http.delete(_at(collection))).status_code == 404


async def test_what_is_no_picture_or_has_no_words_leaves_the_one_that_is_there(studio: Studio) -> None:
    collection = await _collection(studio.http)
    kept = (await _put(studio, collection, thirds())).json()
    for body, said, status, code in (
        (thirds(), {"alt": " "}, 422, "media.alt_required"),
        (b"<svg onload=x>", {}, 415, "media.svg_refused"),
        (thirds()[:70], {}, 422, "media.broken_picture"),
        (thirds(), {"focal_x": "101"}, 422, "request.invalid_fields"),
    ):
        refused = await _put(studio, collection, body, **said)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await studio.http.patch(_at(collection), json={"alt": ""})).json()["code"] == "media.alt_required"
    assert (await studio.http.get(_at(collection))).json() == kept


async def test_its_files_go_when_it_is_replaced_and_when_its_collection_goes(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = await _collection(studio.http)
    await _put(studio, collection, thirds())
    await studio.make()
    before = set(studio.files)
    shown = (await _seen(studio, collection))["own_picture"]["square"]
    await _put(studio, collection, thirds(size=(90, 90)))
    assert (await _seen(studio, collection))["own_picture"]["square"] == shown, "until the other one is made"
    await studio.make()
    assert (await _seen(studio, collection))["own_picture"]["square"]["width"] == 90
    later = clock.now() + 2 * leftovers.SHOWN_STILL
    monkeypatch.setattr(clock, "now", lambda: later)
    while await studio.sweep():
        pass
    assert not before & set(studio.files)
    assert studio.files

    await studio.http.delete(f"/v1/admin/collections/{collection['id']}")
    core = studio.app.state.core
    assert await collection_pictures.forget_orphans(core.database, await studio.shop()) == 1
    monkeypatch.setattr(clock, "now", lambda: later + 2 * leftovers.SHOWN_STILL)
    while await studio.sweep():
        pass
    assert studio.files == []
