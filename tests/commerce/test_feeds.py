"""Product feeds: kept ready at an address, built again when their time has come, fetched by whoever knows it, no more."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from commerce.app import create_app
from commerce.archives.queue import LEASE, Turn
from commerce.exchange import google
from commerce.feeds import building, builds, fetching
from commerce.media import leftovers
from foundation import clock
from tests.waiting import started

if TYPE_CHECKING:
    import httpx

    from foundation.settings import Settings
    from tests.asking import Ask
    from tests.factories import SeededShop

AT = "/v1/admin/product-feeds"


@pytest.fixture
async def app(settings: Settings, tmp_path: Path) -> AsyncIterator[Any]:
    """The API with a place for files."""
    app = create_app(settings.model_copy(update={"objects_url": tmp_path.as_uri()}))
    async with started(app):
        yield app


@dataclass
class Market:
    """A shop whose feed is declared, and whoever fetches it."""

    core: Any
    staff: httpx.AsyncClient
    http: httpx.AsyncClient
    shop: SeededShop
    files: Path
    where: str
    address: str

    async def work(self) -> bool:
        shop = await self.core.directory.by_host(self.shop.host)
        return await building.see_to(self.core.database, self.core.settings, shop)

    async def sweep(self) -> list[str]:
        """The files that are left."""
        shop = await self.core.directory.by_host(self.shop.host)
        await leftovers.sweep(self.core.database, self.core.settings, shop)
        return sorted(one.name for one in self.files.rglob("product-feeds/*"))

    async def fetch(self, address: str | None = None, **headers: str) -> httpx.Response:
        return await self.http.get(address or self.address, headers={"Accept-Encoding": "identity", **headers})

    async def offered(self) -> tuple[str, str]:
        """The price of the second product, and where it is."""
        found = {cells[0]: cells for _, cells, _ in google.items(io.BytesIO((await self.fetch()).content))}
        cells = dict(zip(google.ATTRIBUTES, found["SKU1"], strict=True))
        return cells["price"], cells["link"].removeprefix(f"http://{self.shop.host}/p/{self.shop.products[1].handle}")


@pytest.fixture
async def market(
    app: Any, staff: httpx.AsyncClient, client: httpx.AsyncClient, grocer: SeededShop, rows: Ask, tmp_path: Path
) -> Market:
    rows("UPDATE product SET description = 'Good.', image = 'a.webp' WHERE id <> %s", grocer.products[0].product_id)
    made = (await staff.post(AT, json={"name": "Google", "every_hours": 6})).raise_for_status()
    where, address = made.headers["Location"], made.json()["address"]
    return Market(app.state.core, staff, client, grocer, tmp_path, where, address)


async def test_what_is_built_is_fetched_packed_or_not_and_not_twice(market: Market, rows: Ask) -> None:
    assert market.address.startswith(f"http://{market.shop.host}/feeds/twf_")
    assert "address" not in (await market.staff.get(market.where)).json()
    assert (await market.fetch()).json()["code"] == "feeds.not_built"
    assert [await market.work() for _ in range(2)] == [True, False]
    served = (await market.staff.get(market.where)).json()["served"]
    published = rows("SELECT count(*) FROM product WHERE status = 'published'")[0][0]
    left = {one["reason"]: one["count"] for one in served["left_out"]}
    assert (served["products"], served["items"], left) == (published, published - 1, {"has no description": 1})

    whole = await market.fetch()
    etag, at = whole.headers["etag"], whole.headers["last-modified"]
    assert whole.headers["content-type"] == "application/xml"
    assert len(whole.content) == served["size"]
    assert f'"{hashlib.sha256(whole.content).hexdigest()[:32]}"' == etag
    takes = {"Accept-Encoding": "br;q=1, gzip;q=0.5"}
    async with market.http.stream("GET", market.address, headers=takes) as packed:
        raw = b"".join([piece async for piece in packed.aiter_raw()])
    assert (packed.headers["content-encoding"], gzip.decompress(raw)) == ("gzip", whole.content)
    assert (packed.headers["etag"] != etag, packed.headers["vary"]) == (True, "Accept-Encoding")
    looked = await market.http.head(market.address, headers={"Accept-Encoding": "gzip;q=0"})
    assert (looked.content, looked.headers["content-length"]) == (b"", str(len(whole.content)))
    for has, status in (
        ({"If-None-Match": f'"x", W/{etag}'}, 304),
        ({"If-None-Match": '"x"', "If-Modified-Since": at}, 200),
        ({"If-Modified-Since": at}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
    ):
        answer = await market.fetch(**has)
        assert (answer.status_code, bool(answer.content)) == (status, status == 200), has


async def test_it_is_built_again_after_its_hours_or_when_asked_and_whoever_dies_spoils_nothing(
    market: Market, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    assert await market.work()
    first, was = await market.fetch(), await market.offered()
    now += timedelta(hours=6)
    assert [await market.work() for _ in range(2)] == [True, False]
    again = await market.fetch()
    names = ("etag", "last-modified")
    assert [again.headers[name] for name in names] == [first.headers[name] for name in names]

    rows("UPDATE price SET amount = 777 WHERE variant_id = %s", market.shop.products[1].variant_id)
    asked = [(await market.staff.post(f"{market.where}/builds")).raise_for_status().json() for _ in range(2)]
    assert asked[0]["latest"] == asked[1]["latest"]
    async with market.core.database.tx(market.shop.id) as tx:
        dead = await builds.QUEUE.claim(tx)
    half = market.files / builds.path_of(market.shop.id, Turn(dead["id"], dead["attempt"]))
    half.write_bytes(b"<rss")
    assert not await market.work()  # it is believed to live
    assert await market.offered() == was
    now += LEASE
    assert await market.work()
    assert await market.offered() == ("7.77 USD", "")
    now += leftovers.WRITTEN_WITHIN
    assert await market.sweep() == [f"{dead['id']}-2.xml", f"{dead['id']}-2.xml.gz"]


async def test_another_address_ends_the_old_one_and_a_feed_that_is_taken_back_is_as_unknown_as_none(
    market: Market, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, where = market.staff, market.where
    rows('UPDATE tenant SET settings = settings || \'{"locales": ["de-DE"]}\'')
    market.core.directory.heard(str(market.shop.id))
    (await staff.post("/v1/admin/sales-channels", json={"code": "till", "name": "Till"})).raise_for_status()
    offers = {"currency": "USD", "offers": [{"amount": 555, "channel": "till"}]}
    (await staff.put("/v1/admin/prices/variants/SKU1/offers", json=offers)).raise_for_status()
    till = {"name": "Till", "language": "de-DE", "channel": "till", "every_hours": 1, "version": 1}
    for wrong, code in (
        ({"language": "fr-FR"}, "feeds.language_unknown"),
        ({"channel": "x"}, "channels.unknown"),
        ({"version": 7}, "feeds.stale"),
    ):
        assert (await staff.put(where, json={**till, **wrong})).json()["code"] == code
    assert (await staff.put(where, json=till)).raise_for_status().json()["version"] == 2
    assert await market.work()
    assert await market.offered() == ("5.55 USD", "?locale=de-DE")

    rotated = (await staff.post(f"{where}/rotation")).raise_for_status().json()["address"]
    assert [(await market.fetch(one)).status_code for one in (market.address, rotated)] == [404, 200]
    monkeypatch.setattr(fetching, "LIMIT", replace(fetching.LIMIT, burst=1))
    assert [(await market.fetch(rotated)).status_code for _ in range(2)] == [200, 429]
    assert (await staff.delete(where)).status_code == 204
    gone, never = await market.fetch(rotated), await market.fetch(f"http://{market.shop.host}/feeds/x.xml")
    assert {one.status_code for one in (gone, never)} == {404}
    assert {one.json()["code"] for one in (gone, never)} == {"feeds.not_found"}
    assert rows("SELECT count(*) FROM product_feed_build")[0][0] == 0
    later = clock.now() + leftovers.WRITTEN_WITHIN
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await market.sweep() == []
