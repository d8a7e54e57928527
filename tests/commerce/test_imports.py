"""Catalogues in files: taken in whatever they are written in, refused row by row, once only, from where a worker died."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import openpyxl
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.app import create_app
from commerce.archives.queue import LEASE, Turn
from commerce.exchange import columns, exports, fetching, google, jobs, making, paths, working
from commerce.identity.staff import create_key
from commerce.plans import service as plans
from foundation import clock, spreadsheets, workbooks
from foundation.money import minor_of
from foundation.outbound import Outbound
from tests.waiting import comes, started
from tradewind import exchanging

if TYPE_CHECKING:
    from commerce.tenancy.service import Shop
    from foundation.settings import Settings
    from tests.asking import Ask
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

Json = dict[str, Any]
CATALOGUE_CSV = """\
handle,title,description,category,brand,tags,status,sku,gtin,option1_name,option1_value,price,compare_at
espresso,House espresso,<p>Dark.</p>,Drinks > Coffee,Acme,organic,published,HE-BEANS,4006381333931,Grind,Whole beans,18.90,19.90
espresso,,,,,,,HE-FINE,,,Fine,18.90,
mug,"Mug, blue; ""big"" one",,Kitchen,Kiln & Co,,draft,MUG,,,,12.00,
"""
CATALOGUE = list(csv.reader(CATALOGUE_CSV.splitlines()))
HEAD = CATALOGUE[0]


def as_csv(rows: list[list[str]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows)
    return written.getvalue().encode(encoding)


def as_workbook(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


DOCUMENTS: list[Json] = [
    {
        "handle": "espresso",
        "title": "House espresso",
        "description": "<p>Dark.</p>",
        "category": "Drinks > Coffee",
        "brand": "Acme",
        "tags": ["organic"],
        "status": "published",
        "variants": [
            {
                "sku": "HE-BEANS",
                "gtin": "4006381333931",
                "options": {"Grind": "Whole beans"},
                "price": 1890,
                "compare_at": 1990,
            },
            {"sku": "HE-FINE", "options": {"Grind": "Fine"}, "price": 1890},
        ],
    },
    {"handle": "mug", "variants": [{"sku": "MUG", "price": 1200}]},
]
FEED = """<?xml version="1.0"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<item><g:id>MUG</g:id><g:item_group_id>mug</g:item_group_id><g:title>Mug, blue; "big" one</g:title>
<g:price>12.00 USD</g:price><g:product_type>Kitchen</g:product_type><g:brand>Kiln &amp; Co</g:brand></item>
<item><g:id>HE-BEANS</g:id><g:price>19.90 USD</g:price><g:sale_price>18.90 USD</g:sale_price></item>
</channel></rss>"""


@pytest.fixture
async def app(settings: Settings, tmp_path: Path) -> AsyncIterator[Any]:
    """The API with a place for files."""
    app = create_app(settings.model_copy(update={"objects_url": tmp_path.as_uri(), "max_import_bytes": 200_000}))
    async with started(app):
        yield app


@dataclass
class Gate:
    """Where files come in."""

    app: Any
    http: httpx.AsyncClient
    shop: SeededShop

    async def send(self, body: bytes, name: str = "products.csv", status: int = 202, **query: object) -> Json:
        answer = await self.http.post("/v1/admin/imports", content=body, params={"name": name, **query})
        assert answer.status_code == status, answer.text
        said: Json = answer.json()
        return said

    async def its_shop(self) -> Shop:
        found: Shop = await self.app.state.core.directory.by_host(self.shop.host)
        return found

    async def work(self) -> bool:
        core = self.app.state.core
        return await working.see_to(core.database, core.settings, await self.its_shop())

    async def bring(self, body: bytes, name: str = "products.csv", **query: object) -> Json:
        """Send a file and have it taken in; how it ended."""
        sent = await self.send(body, name, **query)
        assert await self.work()
        return await self.read(sent)

    async def read(self, sent: Json) -> Json:
        answer = await self.http.get(f"/v1/admin/imports/{sent['id']}")
        said: Json = answer.raise_for_status().json()
        return said

    async def errors(self, sent: Json) -> bytes:
        return (await self.http.get(f"/v1/admin/imports/{sent['id']}/errors")).raise_for_status().content

    async def told(self, rows: list[list[str]], **query: object) -> dict[tuple[int, str], str]:
        """Why which rows are not taken, by line and column."""
        done = await self.bring(as_csv(rows), **query)
        found = csv.DictReader(io.StringIO((await self.errors(done)).decode("utf-8-sig")))
        return {(int(row["import_line"]), row["import_column"]): row["import_reason"] for row in found}

    async def product(self, handle: str) -> Json:
        found = (await self.http.get("/v1/admin/products", params={"q": handle})).raise_for_status().json()["items"]
        said: Json = (await self.http.get(f"/v1/admin/products/{found[0]['id']}")).raise_for_status().json()
        return said


@pytest.fixture
def gate(app: Any, staff: httpx.AsyncClient, grocer: SeededShop) -> Gate:
    return Gate(app, staff, grocer)


@pytest.fixture
async def clerk(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who keeps the catalogue and may see no prices of the shop's own."""
    async with app.state.core.database.transaction(grocer.id) as session:
        scopes = ["catalog:read", "catalog:write"]
        _, key = await create_key(session, grocer.id, name="Clerk", scopes=scopes)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=headers) as http:
        yield http


NO_CHANNEL = "is no sales channel that the shop sells on"
COUNT = "SELECT count(*) FROM variant WHERE sku LIKE 'row-%%'"
FIRST_PRICES = """
    SELECT v.sku, p.amount, p.compare_at, p.reduced_since = c.at, p.lowest_before, c.after
    FROM variant v JOIN price_period p ON p.variant_id = v.id JOIN price_change c ON c.variant_id = v.id
    WHERE v.sku IN ('HE-BEANS', 'HE-FINE', 'MUG') AND c.before IS NULL AND p.starts_at = c.at ORDER BY v.sku
"""
WRITTEN = (
    "product",
    "variant",
    "price",
    "price_change",
    "price_period",
    "product_version",
    "outbox",
    "category",
    "brand",
)


def counts(rows: Ask) -> dict[str, int]:
    return {table: rows(f"SELECT count(*) FROM {table}")[0][0] for table in WRITTEN}


def outcome(done: Json) -> tuple[str, int, int, int, int]:
    return done["status"], done["created"], done["changed"], done["unchanged"], done["bad"]


async def test_what_one_format_brought_no_other_changes(gate: Gate, rows: Ask, client: httpx.AsyncClient) -> None:
    assert outcome(await gate.bring(as_csv(CATALOGUE))) == ("done", 2, 0, 0, 0)
    espresso = await gate.product("espresso")
    assert (espresso["status"], espresso["description"]) == ("published", "<p>Dark.</p>")
    assert [
        (one["sku"], one["gtin"], one["options"], one["price"], one["compare_at"]) for one in espresso["variants"]
    ] == [
        ("HE-BEANS", "4006381333931", {"Grind": "Whole beans"}, 1890, 1990),
        ("HE-FINE", None, {"Grind": "Fine"}, 1890, None),
    ]
    assert rows(FIRST_PRICES) == [
        ("HE-BEANS", 1890, 1990, True, None, {"amount": 1890, "compare_at": 1990, "offers": []}),
        ("HE-FINE", 1890, None, None, None, {"amount": 1890, "compare_at": None, "offers": []}),
        ("MUG", 1200, None, None, None, {"amount": 1200, "compare_at": None, "offers": []}),
    ]
    found = (await client.get("/v1/store/search", params={"q": "espresso"})).json()["items"]
    assert [one["handle"] for one in found] == ["espresso"]
    assert rows("SELECT product_count FROM category WHERE name = 'Drinks'") == [(1,)]
    before = counts(rows)
    german = [[cell.replace(".", ",") if place > 10 else cell for place, cell in enumerate(row)] for row in CATALOGUE]
    lines = b"\n".join(orjson.dumps(one) for one in DOCUMENTS)
    tsv = as_csv([["id", "price", "sale_price"], ["HE-BEANS", "19.90 USD", "18.90 USD"]], delimiter="\t")
    for body, name, query in (
        (as_csv(CATALOGUE), "again.csv", {}),
        (as_csv(german, delimiter=";", encoding="utf-16"), "german.csv", {}),
        (as_csv(CATALOGUE, delimiter="\t", encoding="utf-8-sig"), "tabs.txt", {}),
        (as_workbook(CATALOGUE), "book.xlsx", {}),
        (lines, "products.jsonl", {}),
        (FEED.encode(), "feed.xml", {}),
        (tsv, "feed.tsv", {"format": "google"}),
    ):
        done = await gate.bring(body, name, **query)
        assert (done["status"], done["created"], done["changed"], done["bad"]) == ("done", 0, 0, 0), name
        assert done["unchanged"] > 0, name
    assert counts(rows) == before


async def test_what_is_exported_is_taken_in_again_with_nothing_changed(gate: Gate, rows: Ask, tmp_path: Path) -> None:
    kinds = [{"code": "dark", "name": "Dark"}]
    for path, body in (
        ("attributes", {"code": "weight", "name": "Weight", "kind": "number", "unit": "g"}),
        ("attributes", {"code": "ground", "name": "Ground", "kind": "boolean"}),
        ("attributes", {"code": "roast", "name": "Roast", "kind": "choice", "choices": kinds}),
        ("product-types", {"code": "coffee", "name": "Coffee", "attributes": [{"attribute": "weight"}]}),
    ):
        answer = await gate.http.post(f"/v1/admin/{path}", json=body)
        assert answer.status_code == 201, answer.text
    more = {
        "code": "tea",
        "name": "Tea",
        "attributes": [{"attribute": one} for one in ("weight", "ground", "roast")],
    }
    assert (await gate.http.post("/v1/admin/product-types", json=more)).status_code == 201
    await gate.bring(as_csv(CATALOGUE))
    head = ["handle", "title", "description", "type", "attribute.weight", "attribute.ground", "attribute.roast"]
    said = ["tea", '=Tea, "green"', "Two\nlines \n", "tea", "0.5 kg", "false", "dark"]
    rest = [["category", "brand", "hs_code", "country_of_origin", "images", "sku", "price"]]
    rest += [["Drinks > Hot \\> cold", "\\-", "090210", "CN", "https://images.example/tea.png", "+TEA", "0.10"]]
    assert outcome(await gate.bring(as_csv([head + rest[0], said + rest[1]]))) == ("done", 1, 0, 0, 0)
    tea = await gate.product("tea")
    assert (tea["attributes"], tea["brand"]) == ({"weight": 500, "ground": False, "roast": "dark"}, "-")
    before = counts(rows)
    for kind in ("csv", "jsonl"):
        exported = (await gate.http.get(f"/v1/admin/product-exports/{kind}")).raise_for_status().content
        done = await gate.bring(exported, f"again.{kind}")
        assert (done["status"], done["created"], done["changed"], done["bad"]) == ("done", 0, 0, 0), (
            kind,
            await gate.errors(done),
        )
        assert done["unchanged"] == before["product"]
    assert counts(rows) == before
    for kind in ("csv", "xlsx"):
        taken = tmp_path / f"all.{kind}"
        assert await exchanging.take_out(gate.app.state.core.settings, gate.shop.slug, taken) > 500
        done = await gate.bring(await asyncio.to_thread(taken.read_bytes), taken.name)
        assert outcome(done) == ("done", 0, 0, before["product"], 0), await gate.errors(done)
    assert counts(rows) == before


async def test_a_file_of_the_catalogue_is_made_again_by_whoever_goes_on_and_kept_for_a_week(
    gate: Gate, rows: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    core = gate.app.state.core
    shop = await core.directory.by_host(gate.shop.host)
    at = "/v1/admin/catalogue-exports"

    async def work() -> bool:
        return await making.see_to(core.database, core.settings, shop)

    def kept() -> list[str]:
        return sorted(one.name for one in tmp_path.rglob("catalogue-exports/*"))

    asked = (await gate.http.post(at, json={"format": "xlsx"})).raise_for_status()
    where = asked.headers["Location"]
    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
    assert (await gate.http.get(f"{where}/file")).json()["code"] == "exchange.export_not_ready"
    # A worker that dies leaves half a file; the next one begins anew, in one of its own.
    async with core.database.tx(shop.id) as tx:
        dead = await exports.QUEUE.claim(tx)
    left = tmp_path / exports.path_of(shop.id, Turn(dead["id"], dead["attempt"]))
    left.parent.mkdir(parents=True)
    left.write_bytes(b"PK half")
    assert not await work()  # it is believed to live
    rows("UPDATE catalogue_export SET leased_until = now()")
    assert await work()
    done = (await gate.http.get(where)).json()
    count = rows("SELECT count(*) FROM product")[0][0]
    assert (done["status"], done["products"], done["total"]) == ("ready", count, count)
    assert kept() == [f"{done['id']}-2"]
    file = await gate.http.get(f"{where}/file")
    assert (len(file.content), file.headers["content-type"]) == (done["size"], workbooks.MEDIA_TYPE)
    assert hashlib.sha256(file.content).hexdigest() == done["sha256"]
    assert [done["id"]] == [one["id"] for one in (await gate.http.get(at)).json()["items"]]

    # What a sheet has no room for is said, and not tried again; nothing is left of the try.
    monkeypatch.setattr(workbooks, "MOST_ROWS", 1)
    where = (await gate.http.post(at, json={"format": "xlsx"})).headers["Location"]
    assert not await work()
    refused = (await gate.http.get(where)).json()
    assert (refused["status"], "as CSV" in refused["problem"]) == ("failed", True)
    assert kept() == [f"{done['id']}-2"]

    rows("UPDATE catalogue_export SET expires_at = now()")
    assert not await work()
    assert (kept(), rows("SELECT count(*) FROM catalogue_export")) == ([], [(0,)])
    assert (await gate.http.get(f"{where}/file")).json()["code"] == "exchange.export_not_found"


async def test_a_feed_has_what_is_sold_and_says_what_google_would_not_take(gate: Gate, rows: Ask) -> None:
    core = gate.app.state.core
    await gate.bring(as_csv(CATALOGUE))
    rows("UPDATE product SET image = 'espresso.webp' WHERE handle = 'espresso'")
    rows("UPDATE variant SET sku = repeat('x', 51) WHERE sku = 'HE-FINE'")
    rows("UPDATE product SET status = 'archived' WHERE handle NOT IN ('espresso', 'mug')")
    bare = [["handle", "title", "description", "sku", "price", "status"], ["tea", "Tea", "", "TEA", "1", "published"]]
    bare += [["cup", "Cup", "Red.", "CUP", "1", "published"], ["hat", "Hat", "<p> </p>", "HAT", "1", "published"]]
    await gate.bring(as_csv(bare))
    where = (await gate.http.post("/v1/admin/catalogue-exports", json={"format": "google"})).headers["Location"]
    assert await making.see_to(core.database, core.settings, await core.directory.by_host(gate.shop.host))
    done = (await gate.http.get(where)).json()
    assert sorted((one["reason"], one["count"], one["skus"]) for one in done["left_out"]) == [
        ("has a SKU of more than 50 characters", 1, ["x" * 51]),
        ("has no description", 2, ["TEA", "HAT"]),
        ("has no picture", 1, ["CUP"]),
    ]
    file = await gate.http.get(f"{where}/file")
    [(_, cells, _)] = google.items(io.BytesIO(file.content))
    home = f"http://{gate.shop.host}"
    assert {name: cell for name, cell in zip(google.ATTRIBUTES, cells, strict=True) if cell} == {
        "id": "HE-BEANS",
        "item_group_id": "espresso",
        "title": "House espresso",
        "description": "Dark.",
        "link": f"{home}/p/espresso",
        "image_link": f"{home}/images/objects/espresso.webp",
        "availability": "out_of_stock",
        "price": "19.90 USD",
        "sale_price": "18.90 USD",
        "brand": "Acme",
        "gtin": "4006381333931",
        "condition": "new",
        "product_type": "Drinks > Coffee",
    }


async def test_every_bad_row_says_why_and_leaves_the_others_be(gate: Gate, rows: Ask) -> None:
    taken = rows("SELECT sku FROM variant LIMIT 1")[0][0]
    head = ["handle", "title", "type", "category", "sku", "gtin", "price", "status", "option1_name", "option1_value"]
    told = await gate.told(
        [
            head,
            ["a", "Good", "", "", "A", "4006381333931", "1.00", "published", "", ""],
            ["b", "Cheap", "", "", "B", "", "0.005", "", "", ""],
            ["c", "<b>Bold</b>", "", "", "C", "", "1", "", "", ""],
            ["d", "Wrong", "", "", "D", "4006381333932", "1", "", "", ""],
            ["e", "Twice", "", "", "A", "", "1", "", "", ""],
            ["f", "Strange", "spaceship", "", "F", "", "1", "", "", ""],
            ["g", "Free?", "", "", "G", "", "", "published", "", ""],
            ["h", "Short"],
            ["i", "Two", "", "", "I1", "", "1", "", "Size", "M"],
            ["i", "", "", "", "I2", "nonsense", "1", "", "", "L"],
            ["j", "Same", "", "", "J1", "", "1", "", "Size", "M"],
            ["j", "", "", "", "J2", "", "1", "", "Size", "m"],
            ["k", "", "", "", "K", "", "1", "", "", ""],
            ["l", "Theirs", "", "", taken, "", "1", "", "", ""],
            ["m", "Odd", "", "", "", "", "1", "eaten", "", ""],
            ["n", "Odd", "", "", "N", "", "1", "eaten", "", ""],
            ["o", "\x07", "", "", "O", "", "1", "", "", ""],
        ]
    )
    assert {where: reason.split(" ")[0:3] for where, reason in told.items()} == {
        (3, "price"): ["has", "more", "places"],
        (4, "title"): ["must", "be", "plain"],
        (5, "gtin"): ["must", "be", "a"],
        (6, "sku"): ["is", "in", "line"],
        (7, "type"): ["is", "none", "that"],
        (8, "status"): ["can't", "be", "published:"],
        (9, ""): ["has", "not", "as"],
        (11, "gtin"): ["must", "be", "a"],
        (12, ""): ["is", "of", "the"],
        (13, "option1_value"): ["is", "the", "same"],
        (14, "title"): ["Field", "required"],
        (15, "sku"): ["is", "of", "another"],
        (16, "sku"): ["is", "empty"],
        (17, "status"): ["can't", "be", "eaten"],
        (18, "title"): ["must", "not", "contain"],
    }
    assert [one["sku"] for one in (await gate.product("two"))["variants"]] == ["I1"]
    assert (await gate.product("good"))["status"] == "published"


async def test_bad_rows_are_corrected_in_the_file_that_they_come_back_in(gate: Gate) -> None:
    bad = [row if row[7] != "HE-FINE" else [*row[:11], "18.905", ""] for row in CATALOGUE]
    done = await gate.bring(as_csv(bad))
    assert outcome(done) == ("done", 2, 0, 0, 1)
    returned = await gate.errors(done)
    done = await gate.bring(returned.replace(b"18.905", b"18.90"))
    assert outcome(done) == ("done", 0, 1, 0, 0)
    assert [one["sku"] for one in (await gate.product("espresso"))["variants"]] == ["HE-BEANS", "HE-FINE"]


@pytest.mark.parametrize(
    ("body", "name", "column"),
    [
        (b"title,price\nA,1\n", "x.csv", "sku"),
        (b"sku,price,colour\nA,1,red\n", "x.csv", "colour"),
        (b"sku,SKU\nA,B\n", "x.csv", "SKU"),
        (b"", "x.csv", "sku"),
        (b"no workbook", "x.xlsx", ""),
        (b"<rss><item>", "x.xml", ""),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><rss>&a;</rss>", "x.xml", ""),
        (b"\xff\xfes\x00k\x00u\x00\n\x00\xd8", "x.csv", ""),
    ],
)
@pytest.mark.one_database
async def test_a_file_of_no_known_form_is_refused_as_a_whole(gate: Gate, body: bytes, name: str, column: str) -> None:
    done = await gate.bring(body, name)
    assert (done["status"], done["problem"]["column"], done["created"]) == ("refused", column, 0)


async def test_columns_are_mapped_and_left_out(gate: Gate) -> None:
    body = 'Artikel;Name;Preis;Bemerkung\nX-1;Becher;"9,50";weg\nX-2;<i>Becher</i>;1;\n'.encode("cp1252")
    mapping = ["Artikel=sku", "Name=title", "Preis=price", "Bemerkung=-"]
    done = await gate.bring(body, map=mapping)
    assert outcome(done) == ("done", 1, 0, 0, 1)
    assert (await gate.errors(done)).decode("utf-8-sig").splitlines()[1].startswith("X-2;".replace(";", ","))
    assert b",3,Name," in await gate.errors(done)
    assert (await gate.product("X-1"))["variants"][0]["price"] == 950


async def test_prices_alone_are_brought_by_sku_and_a_hyphen_takes_away(gate: Gate, rows: Ask) -> None:
    await gate.bring(as_csv(CATALOGUE))
    prices = [["sku", "price", "compare_at", "brand"], ["HE-FINE", "17.00", "", ""], ["HE-BEANS", "17.00", "-", "-"]]
    assert outcome(await gate.bring(as_csv(prices))) == ("done", 0, 1, 0, 0)
    product = await gate.product("espresso")
    assert [(one["price"], one["compare_at"]) for one in product["variants"]] == [(1700, None), (1700, None)]
    assert (product["brand"], product["version"]) == (None, 2)
    changes = rows("SELECT changed_by FROM price_change WHERE after ->> 'amount' = '1700'")
    assert [by.partition(":")[0] for (by,) in changes] == ["key", "key"]


async def test_costs_and_prices_on_channels_come_and_go_with_whoever_may_see_them(
    gate: Gate, rows: Ask, clerk: httpx.AsyncClient, tmp_path: Path
) -> None:
    (await gate.http.post("/v1/admin/sales-channels", json={"code": "till", "name": "Till"})).raise_for_status()
    head = ["sku", "price", "cost", "price.till"]
    brought = [head, ["SKU0", "", "0.40", "0.90"], ["SKU1", "", "0.50", ""], ["SKU2", "", "", "3"]]
    assert outcome(await gate.bring(as_csv(brought))) == ("done", 0, 3, 0, 0)
    assert outcome(await gate.bring(as_csv(brought))) == ("done", 0, 0, 3, 0)

    async def said(sku: str) -> tuple[list[int], list[tuple[str, int]]]:
        prices = (await gate.http.get(f"/v1/admin/prices/variants/{sku}")).json()
        return [one["amount"] for one in prices["costs"]], [(one["channel"], one["amount"]) for one in prices["offers"]]

    assert [await said(f"SKU{one}") for one in range(3)] == [([40], [("till", 90)]), ([50], []), ([], [("till", 300)])]
    (last,) = rows("SELECT before, after FROM price_change ORDER BY id DESC LIMIT 1")
    assert (last[0]["offers"], [one["channel"] for one in last[1]["offers"]]) == ([], ["till"])
    sale = {"amount": 80, "channel": "till", "min_quantity": 2}
    offers = {"currency": "USD", "offers": [{"amount": 90, "channel": "till"}, sale]}
    (await gate.http.put("/v1/admin/prices/variants/SKU0/offers", json=offers)).raise_for_status()

    # Whatever it is written in, it is taken in again with nothing changed; who may not see it has no such columns.
    before = rows("SELECT count(*) FROM price_change")
    for name in ("all.csv", "all.jsonl", "all.xlsx"):
        taken = tmp_path / name
        await exchanging.take_out(gate.app.state.core.settings, gate.shop.slug, taken, costs=True)
        done = await gate.bring(await asyncio.to_thread(taken.read_bytes), name)
        assert (done["created"], done["changed"], done["bad"]) == (0, 0, 0), await gate.errors(done)
    assert rows("SELECT count(*) FROM price_change") == before
    own = "/v1/admin/product-exports/csv"
    told = next(csv.reader((await gate.http.get(f"{own}?costs=true")).content.decode("utf-8-sig").splitlines()))
    assert told[-3:] == ["cost", "price.web", "price.till"]
    assert b"cost" not in (await clerk.get(own)).content.splitlines()[0]
    asked = {"format": "csv", "costs": True}
    made = (await gate.http.post("/v1/admin/catalogue-exports", json=asked)).headers["Location"]
    assert await making.see_to(gate.app.state.core.database, gate.app.state.core.settings, await gate.its_shop())
    assert b"price.till" in (await gate.http.get(f"{made}/file")).content
    refused = [
        await clerk.get(f"{own}?costs=true"),
        await clerk.get(f"{made}/file"),
        await clerk.post("/v1/admin/catalogue-exports", json=asked),
    ]
    assert {one.json()["code"] for one in refused} == {"identity.scope_missing"}

    # What can't be is told by its row, and a hyphen takes away the channel's own price alone.
    wrong = await gate.told([["sku", "cost", "price.shelf"], ["SKU0", "much", ""], ["SKU1", "", "1"]])
    assert wrong == {(2, "cost"): "is no number such as 19.99", (3, "price.shelf"): NO_CHANNEL}
    unpriced = await gate.told([["sku", "title", "price.till"], ["NEW-1", "New", "1"]])
    assert unpriced == {(2, "price.till"): "needs a price that holds elsewhere"}
    line = {"variants": [{"sku": "SKU1", "cost": None, "channel_prices": {"till": 1}}, {"sku": "SKU2", "cost": -1}]}
    done = await gate.bring(orjson.dumps(line) + b"\n", "x.jsonl")
    assert b"has a cost that is no amount in minor units" in await gate.errors(done)
    assert outcome(await gate.bring(as_csv([head, ["SKU0", "", "-", "-"]]))) == ("done", 0, 1, 0, 0)
    assert await said("SKU0") == ([], [("till", 80)])


async def test_a_dry_run_tells_the_same_and_leaves_nothing(gate: Gate, rows: Ask) -> None:
    before = counts(rows)
    bad = [*CATALOGUE, ["x", "X", "", "", "", "", "", "X", "", "", "", "0.005", ""]]
    assert outcome(await gate.bring(as_csv(bad), dry_run=True)) == ("done", 2, 0, 0, 1)
    assert counts(rows) == before


async def test_a_worker_that_dies_between_batches_is_gone_on_from(
    gate: Gate, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH_ROWS", 3)
    body = as_csv([["sku", "title", "price"], *([f"row-{number}", f"Thing {number}", "1.00"] for number in range(10))])
    sent = await gate.send(body)
    go_on, batches = jobs.go_on, 0

    async def dying(*args: Any, **more: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise OSError("killed in the middle of the third")
        await go_on(*args, **more)

    monkeypatch.setattr(jobs, "go_on", dying)
    assert await gate.work()
    assert ((half := await gate.read(sent))["status"], half["rows"], half["created"]) == ("running", 6, 6)
    assert rows(COUNT) == [(6,)]
    later = clock.now() + LEASE
    with clock.use(lambda: later):
        assert await gate.work()
    assert outcome(await gate.read(sent)) == ("done", 10, 0, 0, 0)
    assert rows("SELECT count(*), count(DISTINCT sku) FROM variant WHERE sku LIKE 'row-%%'") == [(10, 10)]
    assert rows("SELECT count(*) FROM outbox WHERE name = 'product.created'") == [(10,)]


async def test_no_more_is_taken_in_than_the_plan_has_room_for(gate: Gate, rows: Ask, grocer: SeededShop) -> None:
    ((taken, there),) = rows("SELECT min(sku), count(*) FROM variant")
    async with gate.app.state.core.database.tx(grocer.id) as tx:
        await plans.put(tx, "starter", {"products": there + 1})
    done = await gate.bring(as_csv([["sku", "title"], ["A", "First"], ["B", "Second"], [taken, "There"]]))
    assert outcome(done) == ("done", 1, 1, 0, 1)


async def test_an_import_is_stopped_once_and_a_file_is_no_larger_than_it_may_be(gate: Gate) -> None:
    sent = await gate.send(as_csv(CATALOGUE))
    address = f"/v1/admin/imports/{sent['id']}/cancellation"
    assert (await gate.http.post(address)).json()["status"] == "cancelled"
    assert (await gate.http.post(address)).json()["code"] == "exchange.import_finished"
    assert not await gate.work()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b"x" * 1_000

    answer = await gate.http.post("/v1/admin/imports", content=endless(), params={"name": "x.csv"})
    assert (answer.status_code, answer.json()["code"]) == (413, "request.body_too_large")
    assert (await gate.send(b"x", "x.pdf", 422))["code"] == "exchange.unknown_format"


async def test_images_are_fetched_once_and_what_can_not_be_had_says_why(gate: Gate, rows: Ask) -> None:
    head = ["sku", "title", "images", "image_alt"]
    body = as_csv(
        [head, ["A", "Mug", "http://127.0.0.1:9/a.png http://127.0.0.1:9/b.png", "A mug"], ["B", "Cup", "ftp:x", ""]]
    )
    done = await gate.bring(body)
    assert outcome(done) == ("done", 1, 0, 0, 1)
    assert outcome(await gate.bring(body)) == ("done", 0, 0, 1, 1)
    core = gate.app.state.core
    shop = await core.directory.by_host(gate.shop.host)
    async with Outbound.of(core.settings) as outbound:
        while await fetching.see_to(core.database, core.settings, outbound, shop):
            pass
    assert (
        rows("SELECT status, reason, alt FROM image_link ORDER BY position")
        == [("failed", "outbound.address_refused", "A mug")] * 2
    )


async def test_what_is_over_is_forgotten_with_its_file_and_its_bad_rows(
    gate: Gate, rows: Ask, grocer: SeededShop, tmp_path: Path
) -> None:
    sent = await gate.bring(b'sku\n"\n')
    kept = tmp_path.joinpath(jobs.path_of(grocer.id, UUID(sent["id"])))
    assert await asyncio.to_thread(kept.exists)
    later = clock.now() + jobs.KEPT
    core = gate.app.state.core
    with clock.use(lambda: later):
        await working.tidy(core.database, core.settings, await core.directory.by_host(gate.shop.host))
    assert rows("SELECT count(*) FROM catalogue_import") == rows("SELECT count(*) FROM import_bad_row") == [(0,)]
    assert not await asyncio.to_thread(kept.exists)


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=1))
def test_a_path_is_read_as_it_was_written(names: list[str]) -> None:
    safe = [one for one in names if not one.endswith("\\") and one.strip() == one]
    assert paths.read(paths.written(safe)) == tuple(one for one in safe if one)


@given(st.text())
def test_a_cell_that_was_disarmed_is_what_it_was_when_it_is_armed(cell: str) -> None:
    assert spreadsheets.armed(spreadsheets.disarmed(cell)) == cell


@given(st.text() | st.from_regex(r"\\*-", fullmatch=True), st.sampled_from(["brand", "attribute.made_of"]))
def test_a_value_that_was_escaped_is_what_it_was_and_takes_nothing_away(value: str, name: str) -> None:
    cell = columns.escaped(name, value)
    assert columns.meant(cell) == value
    assert cell != columns.CLEARED


@pytest.mark.parametrize("told", ["0.005", "1e3", "1_0", "-1", "NaN", "", "1,5", "٣"])
def test_an_amount_is_exact_or_refused(told: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        minor_of(told, "USD")


@pytest.mark.proof
async def test_a_worker_that_is_killed_again_and_again_takes_every_row_in_once(
    gate: Gate, rows: Ask, database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with gate.app.state.core.database.tx(gate.shop.id) as tx:
        await plans.put(tx, "enterprise")
    number = 4_000
    body = as_csv([["sku", "title", "price"], *([f"row-{one}", "Thing", "1.00"] for one in range(number))])
    sent = await gate.send(body)
    script = (
        "import asyncio\nfrom commerce.exchange import working\nfrom commerce.tenancy.rounds import go_round\n"
        "from foundation.database import Database\nfrom foundation.settings import Settings\n"
        "working.BATCH_ROWS = 50\ns = Settings(_env_file=None)\n"
        "async def main():\n    d = Database.of(s, pool_size=3)\n"
        "    await go_round(d, lambda shop: working.see_to(d, s, shop))\nasyncio.run(main())\n"
    )
    env = {**os.environ, "TRADEWIND_DATABASE_URL": database_urls.app, "TRADEWIND_OBJECTS_URL": tmp_path.as_uri()}
    for kill in range(1, 6):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=env)
        await comes(lambda enough=kill * 300: rows(COUNT)[0][0] >= enough)  # type: ignore[misc]
        assert process.returncode is None
        process.send_signal(signal.SIGKILL)
        await process.wait()
        rows("UPDATE catalogue_import SET leased_until = now()")
    assert await gate.work()
    assert outcome(await gate.read(sent)) == ("done", number, 0, 0, 0)
    assert rows(COUNT) == [(number,)]
    assert rows("SELECT count(*) FROM outbox WHERE name = 'product.created'") == [(number,)]
