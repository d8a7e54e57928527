"""Many prices changed at once: looked at, kept within bounds, applied once each, and taken back."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.bulk_pricing import working
from commerce.bulk_pricing.judging import rounded
from commerce.bulk_pricing.schemas import Rounding
from foundation import clock
from tests.waiting import comes

if TYPE_CHECKING:
    from tests.asking import Ask
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

Json = dict[str, Any]
AT = "/v1/admin/prices/bulk-changes"
TENTH_OFF = {"kind": "percent", "percent": -10}
ALL: Json = {"price_from": 0}
DAY = timedelta(days=1)


@dataclass
class Desk:
    """The grocer's pricing desk, and its worker."""

    app: Any
    http: httpx.AsyncClient
    shop: SeededShop

    async def send(self, path: str = "", status: int = 202, **body: Any) -> Json:
        answer = await self.http.post(f"{AT}{path}", json=body)
        assert answer.status_code == status, answer.text
        said: Json = answer.json()
        return said

    async def ask(self, status: int = 202, **change: Any) -> Json:
        body = {"filter": ALL, "currency": "USD", "reckoning": TENTH_OFF, "reason": "Spring", **change}
        return await self.send(status=status, **body)

    async def work(self) -> None:
        core = self.app.state.core
        assert await working.see_to(core.database, await core.directory.by_host(self.shop.host))

    async def preview(self, **change: Any) -> Json:
        asked = await self.ask(**change)
        await self.work()
        return await self.read(asked)

    async def apply(self, change: Json, **how: Any) -> Json:
        await self.send(f"/{change['id']}/application", **how)
        await self.work()
        return await self.read(change)

    async def undo(self, change: Json) -> Json:
        await self.send(f"/{change['id']}/undoing")
        await self.work()
        return await self.read(change)

    async def read(self, change: Json, path: str = "") -> Json:
        said: Json = (await self.http.get(f"{AT}/{change['id']}{path}")).raise_for_status().json()
        return said

    async def rows(self, change: Json, **query: Any) -> dict[str, Json]:
        answer = await self.http.get(f"{AT}/{change['id']}/rows", params=query)
        return {one["sku"]: one for one in answer.raise_for_status().json()["items"]}

    async def put(self, sku: str, what: str, **body: Any) -> Json:
        answer = await self.http.put(f"/v1/admin/prices/variants/{sku}/{what}", json={"currency": "USD", **body})
        assert answer.status_code == 200, answer.text
        said: Json = answer.json()
        return said

    async def broken(self, **change: Any) -> dict[str, list[str]]:
        """Which SKUs break which guardrails."""
        found = await self.rows(await self.preview(**change))
        return {sku: row["violations"] for sku, row in found.items() if row["violations"]}


@pytest.fixture
def desk(app: Any, staff: httpx.AsyncClient, grocer: SeededShop) -> Desk:
    return Desk(app, staff, grocer)


PRICES = "SELECT v.sku, r.amount, r.compare_at FROM price r JOIN variant v ON v.id = r.variant_id ORDER BY v.sku"


ANNOUNCED = "SELECT count(*) FROM outbox WHERE name = 'prices.changed'"
WRITTEN = "SELECT count(*), count(DISTINCT variant_id) FROM price_change"


async def test_prices_are_previewed_applied_and_taken_back(desk: Desk, rows: Ask) -> None:
    before, told = rows(PRICES), rows(ANNOUNCED)[0][0]
    change = await desk.preview(rounding={"step": 5}, struck="before", filter={"price_from": 200})
    assert (change["status"], change["found"], change["planned"], change["violating"]) == ("previewed", 5, 5, 0)
    assert change["summary"] == {
        "skus": 5,
        "raised": 0,
        "lowered": 5,
        "sum_before": 2_000,
        "sum_after": 1_800,
        "change": {"least": -60, "middle": -40, "greatest": -20},
        "change_basis_points": {"least": -1_000, "middle": -1_000, "greatest": -1_000},
    }
    first = (await desk.read(change, "/rows?limit=2"))["items"]
    assert [(one["sku"], one["title"], one["before"], one["after"], one["struck_after"]) for one in first] == [
        ("SKU1", "Orange juice", 200, 180, 200),
        ("SKU2", "Rye bread", 300, 270, 300),
    ]
    written = (await desk.http.get(f"{AT}/{change['id']}/file")).content.decode("utf-8-sig")
    file = list(csv.DictReader(io.StringIO(written)))
    assert [(one["sku"], one["price_before"], one["price_after"], one["change"]) for one in file][-1] == (
        "SKU5",
        "6.00",
        "5.40",
        "-0.60",
    )
    assert rows(PRICES) == before

    done = await desk.apply(change)
    assert (done["status"], done["planned"], done["applied"]) == ("applied", 0, 5)
    assert done["applied_by"] == done["requested_by"]
    after = [(sku, amount * 9 // 10, amount) if amount > 100 else (sku, amount, None) for sku, amount, _ in before]
    assert rows(PRICES) == after
    assert (rows(ANNOUNCED)[0][0], rows(WRITTEN)) == (told + 5, [(5, 5)])
    assert (await desk.send(f"/{done['id']}/application", 409))["code"] == "bulk_pricing.not_previewed"

    await desk.put("SKU2", "list", amount=111)
    undone = await desk.undo(done)
    assert (undone["status"], undone["applied"], undone["undone"], undone["kept"]) == ("undone", 0, 4, 1)
    assert list(await desk.rows(undone, state="kept")) == ["SKU2"]
    assert rows(PRICES) == [("SKU2", 111, None) if sku == "SKU2" else (sku, amount, x) for sku, amount, x in before]
    assert (await desk.send(f"/{done['id']}/undoing", 409))["code"] == "bulk_pricing.nothing_to_undo"
    done_by_staff = rows("SELECT action FROM audit_entry WHERE action LIKE 'prices.%%_many' ORDER BY id")
    assert [action for (action,) in done_by_staff] == ["prices.preview_many", "prices.apply_many", "prices.undo_many"]
    assert [one["id"] for one in (await desk.http.get(AT)).json()["items"]] == [done["id"]]


async def test_a_filter_finds_what_it_says(desk: Desk, grocer: SeededShop, rows: Ask) -> None:
    pantry = rows("SELECT id::text FROM category WHERE slug = 'pantry'")[0][0]
    below, shelf = grocer.products[0], "11111111-1111-7111-8111-111111111111"
    rows(
        "INSERT INTO category (tenant_id, id, parent_id, path, name, slug, depth)"
        " VALUES (current_tenant(), %s, %s, 'pantry.soups', 'Soups', 'soups', 1)",
        shelf,
        pantry,
    )
    rows("UPDATE product SET category_id = %s, tags = '{organic}' WHERE id = %s", shelf, below.product_id)
    rows("UPDATE product SET gift_card = true WHERE id = %s", grocer.products[5].product_id)
    picked = {"title": "Picked", "sort": "by_hand"}
    collection = (await desk.http.post("/v1/admin/collections", json=picked)).json()
    chosen = {"product_ids": [str(grocer.products[1].product_id)], "version": collection["version"]}
    await desk.http.put(f"/v1/admin/collections/{collection['id']}/products", json=chosen)

    async def found(**said: Any) -> set[str]:
        return set(await desk.rows(await desk.preview(filter=said)))

    def rule(field: str, *values: str) -> Json:
        return {"conditions": [{"field": field, "values": list(values)}]}

    assert await found(rule=rule("category", pantry)) == {f"SKU{number}" for number in range(5)}
    assert await found(rule=rule("category", shelf)) == {"SKU0"} == await found(rule=rule("tag", "organic"))
    assert await found(collection_id=collection["id"]) == {"SKU1"}
    assert await found(price_from=200, price_to=300) == {"SKU1", "SKU2"}
    assert await found(skus=["SKU4", "SKU1"], price_to=200) == {"SKU1"}
    nothing = await desk.preview(filter={"price_from": 9_999})
    assert (nothing["status"], nothing["problem"]) == ("refused", "nothing_found")
    for said, code in (
        ({"skus": ["SKU1", "NONE"]}, "bulk_pricing.unknown_skus"),
        ({"collection_id": shelf}, "bulk_pricing.unknown_collection"),
        ({"rule": rule("brand", "nobody")}, "catalog.collection_rule_names_nothing"),
        ({}, "request.invalid_fields"),
    ):
        assert (await desk.ask(422, filter=said))["code"] == code


async def test_each_guardrail_names_the_skus_that_break_it(desk: Desk, rows: Ask) -> None:
    costs = await desk.put("SKU1", "cost", amount=170)
    assert costs["costs"] == [{"currency": "USD", "amount": 170}]
    await desk.put("SKU2", "cost", amount=280)
    rows(
        "UPDATE tenant SET settings = settings ||"
        """ '{"bulk_pricing": {"most_percent": 20, "least_markup_percent": 10, "most_skus": 6}}'"""
    )
    desk.app.state.core.directory.heard(str(desk.shop.id))
    by = {"kind": "percent"}
    assert await desk.broken(reckoning={**by, "percent": -10}) == {
        "SKU1": ["below_least_markup"],
        "SKU2": ["below_cost"],
    }
    assert await desk.broken(reckoning={**by, "percent": "20.01"}, filter={"skus": ["SKU5"]}) == {}
    assert await desk.broken(reckoning={**by, "percent": 21}, filter={"skus": ["SKU5"]}) == {
        "SKU5": ["change_too_great"]
    }
    lowered = {"kind": "amount", "amount": -500}
    assert (await desk.broken(reckoning=lowered, filter={"skus": ["SKU4"]}))["SKU4"] == [
        "not_positive",
        "change_too_great",
    ]
    over = {"kind": "markup", "percent": 15}
    found = await desk.rows(await desk.preview(reckoning=over, filter={"price_to": 300}))
    assert [(one["after"], one["violations"]) for one in found.values()] == [
        (None, ["no_cost"]),
        (196, []),  # 195.5 to the even one
        (322, []),
    ]
    raised = {"kind": "percent", "percent": 5}
    sale = {"starts_at": (clock.now() + 10 * DAY).isoformat(), "ends_at": (clock.now() + 20 * DAY).isoformat()}
    assert await desk.broken(reckoning=raised, filter={"skus": ["SKU3"]}, **sale) == {
        "SKU3": ["not_lower", "not_reduced"]
    }
    await desk.put("SKU3", "offers", offers=[{"amount": 350, **sale}])
    assert await desk.broken(reckoning=raised, filter={"skus": ["SKU3"]}) == {"SKU3": ["raised_before_reduction"]}
    # A sale that ends shortly before the next, which is no lower.
    again = {"starts_at": (clock.now() + 30 * DAY).isoformat()}
    assert await desk.broken(filter={"skus": ["SKU3"]}, **again) == {"SKU3": ["not_reduced"]}
    deeper = await desk.preview(filter={"skus": ["SKU3"]}, reckoning={**by, "percent": -15}, **again)
    assert (await desk.rows(deeper))["SKU3"]["warnings"] == ["prior_price_lower"]

    change = await desk.preview()
    refused = await desk.send(f"/{change['id']}/application", 409)
    assert (refused["code"], refused["violations"]) == (
        "bulk_pricing.guardrails_broken",
        {"below_cost": 1, "below_least_markup": 1},
    )
    done = await desk.apply(change, violating="leave_out")
    assert (done["applied"], done["violating"]) == (4, 2)
    assert [amount for _, amount, _ in rows(PRICES)] == [90, 200, 300, 360, 450, 540]

    rows("""UPDATE tenant SET settings = settings || '{"bulk_pricing": {"most_skus": 5}}'""")
    desk.app.state.core.directory.heard(str(desk.shop.id))
    refused = await desk.preview()
    assert (refused["status"], refused["problem"], refused["found"]) == ("refused", "too_many_skus", 6)
    assert rows("SELECT count(*) FROM bulk_price_row WHERE change_id = %s", refused["id"]) == [(0,)]


async def test_a_price_that_changed_after_the_preview_is_not_written_over(desk: Desk, rows: Ask) -> None:
    change = await desk.preview()
    await desk.put("SKU1", "list", amount=222)
    refused = await desk.send(f"/{change['id']}/application", 409)
    assert (refused["code"], refused["skus"]) == ("bulk_pricing.prices_changed", ["SKU1"])
    await desk.send(f"/{change['id']}/application", changed="leave_out")
    await desk.put("SKU2", "list", amount=333)  # before the worker comes to it
    await desk.put("SKU3", "cost", amount=399)
    await desk.work()
    done = await desk.read(change)
    assert (done["applied"], done["skipped"]) == (3, 3)
    skipped = await desk.rows(done, state="skipped")
    assert {sku: row["violations"] for sku, row in skipped.items()} == {
        "SKU1": ["price_changed"],
        "SKU2": ["price_changed"],
        "SKU3": ["below_cost"],
    }
    assert [amount for _, amount, _ in rows(PRICES)] == [90, 222, 333, 400, 450, 540]


async def test_a_season_and_a_group_get_offers_that_go_again(desk: Desk, rows: Ask, client: httpx.AsyncClient) -> None:
    starts, ends = datetime(2027, 6, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)
    await desk.put("SKU0", "offers", offers=[{"amount": 95, "group": "trade"}])
    window = {"starts_at": starts.isoformat(), "ends_at": ends.isoformat()}
    summer = await desk.preview(filter={"price_to": 200}, **window)
    assert [(one["base"], one["before"], one["after"]) for one in (await desk.rows(summer)).values()] == [
        (100, None, 90),
        (200, None, 180),
    ]
    trade = await desk.apply(await desk.preview(filter={"price_to": 200}, group="trade"))
    assert [(one["base"], one["before"], one["after"]) for one in (await desk.rows(trade)).values()] == [
        (95, 95, 86),
        (200, None, 180),
    ]
    await desk.apply(summer)
    offers = "SELECT price_group, amount, starts_at FROM price_offer ORDER BY amount, price_group"
    assert rows(offers) == [("trade", 86, None), (None, 90, starts), ("trade", 180, None), (None, 180, starts)]
    page = "/v1/store/products/tomato-soup"
    for at, asked in ((starts - DAY, 100), (starts, 90), (ends, 100)):
        with clock.use(lambda at=at: at):
            assert (await client.get(page)).json()["variants"][0]["price"]["amount"] == asked
    await desk.undo(trade)
    await desk.undo(summer)
    assert rows(offers) == [("trade", 95, None)]
    over = {"ends_at": (clock.now() - DAY).isoformat()}
    assert (await desk.ask(422, **over))["code"] == "pricing.bad_window"


async def test_what_is_stopped_half_way_goes_on_or_back(desk: Desk, rows: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(PRICES)
    monkeypatch.setattr(working, "BATCH_ROWS", 2)
    change = await desk.preview()
    write = working._write

    async def writes_once(*given: Any) -> None:
        if rows(WRITTEN) != [(0, 0)]:
            raise OSError("the machine goes down")
        await write(*given)

    monkeypatch.setattr(working, "_write", writes_once)
    half = await desk.apply(change)
    assert (half["status"], half["applied"], half["planned"]) == ("running", 2, 4)
    stopped = await desk.send(f"/{half['id']}/cancellation", 200)
    assert stopped["status"] == "stopped"
    assert (await desk.send(f"/{half['id']}/cancellation", 409))["code"] == "bulk_pricing.finished"
    monkeypatch.setattr(working, "_write", write)
    assert not await working.see_to(
        desk.app.state.core.database, await desk.app.state.core.directory.by_host(desk.shop.host)
    )
    undone = await desk.undo(half)
    assert (undone["undone"], undone["planned"], rows(PRICES)) == (2, 4, before)

    forgotten = await desk.preview()
    with clock.use(lambda: datetime.now(UTC) + 8 * DAY):
        async with desk.app.state.core.database.tx(desk.shop.id) as tx:
            await working.jobs.expire(tx)
    assert (await desk.http.get(f"{AT}/{forgotten['id']}")).json()["code"] == "bulk_pricing.not_found"
    assert (await desk.read(undone))["undone_at"]
    assert rows("SELECT count(*) FROM bulk_price_row") == [(6,)]


@given(
    st.fractions(min_value=0, max_value=10**9, max_denominator=100),
    st.builds(
        lambda step, ending, towards: Rounding(step=step, ending=ending % step, towards=towards),
        st.integers(1, 1_000),
        st.integers(0, 999),
        st.sampled_from(["nearest", "up", "down"]),
    ),
)
def test_a_rounded_price_ends_as_asked_and_is_the_nearest(exact: Fraction, rounding: Rounding) -> None:
    found = rounded(exact, rounding)
    assert found % rounding.step == rounding.ending
    apart = found - exact
    assert {
        "up": 0 <= apart < rounding.step,
        "down": -rounding.step < apart <= 0,
        "nearest": abs(apart) * 2 <= rounding.step,
    }[rounding.towards]


@pytest.mark.proof
async def test_a_worker_that_is_killed_again_and_again_changes_every_price_once(
    desk: Desk, rows: Ask, database_urls: DatabaseUrls
) -> None:
    number = 3_000
    rows(
        """
        WITH made AS (
            INSERT INTO variant (tenant_id, id, product_id, sku)
            SELECT current_tenant(), gen_random_uuid(), %s, 'row-' || n FROM generate_series(1, %s) n RETURNING id)
        INSERT INTO price (tenant_id, id, variant_id, currency, amount)
        SELECT current_tenant(), gen_random_uuid(), id, 'USD', 1000 FROM made
        """,
        desk.shop.products[0].product_id,
        number,
    )
    change = await desk.preview(filter={"price_from": 1_000})
    assert change["planned"] == number
    await desk.send(f"/{change['id']}/application")
    script = (
        "import asyncio\nfrom commerce.bulk_pricing import working\nfrom commerce.tenancy.rounds import go_round\n"
        "from foundation.database import Database\nfrom foundation.settings import Settings\n"
        "working.BATCH_ROWS = 20\ns = Settings(_env_file=None)\n"
        "async def main():\n    d = Database.of(s, pool_size=3)\n"
        "    await go_round(d, lambda shop: working.see_to(d, shop))\nasyncio.run(main())\n"
    )
    env = {**os.environ, "TRADEWIND_DATABASE_URL": database_urls.app}
    for kill in range(1, 5):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=env)
        await comes(lambda enough=kill * 300: rows(WRITTEN)[0][0] >= enough)  # type: ignore[misc]
        assert process.returncode is None
        process.send_signal(signal.SIGKILL)
        await process.wait()
        rows("UPDATE bulk_price_change SET leased_until = now()")
    await desk.work()
    done = await desk.read(change)
    assert (done["status"], done["applied"], done["planned"]) == ("applied", number, 0)
    assert rows(WRITTEN) == [(number, number)]
    assert rows("SELECT count(*) FROM price WHERE amount = 900") == [(number,)]
    assert rows("SELECT count(*), count(DISTINCT aggregate_id) FROM outbox WHERE name = 'prices.changed'") == [
        (number, number)
    ]
