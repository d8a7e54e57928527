"""Every change of a price is kept, and a reduction names the lowest price of the 30 days before it began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.pricing.engine import Offer, price_of
from commerce.pricing.periods import Period, Schedule, cut, planned, told
from foundation import clock
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.asking import Ask

START = datetime(2026, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PRICES = "/v1/admin/prices/variants/SKU0"
PAGES = ["/v1/store/products/tomato-soup", "/v1/store/products?limit=3", "/v1/store/search?q=tomato+soup"]

days = st.integers(0, 100).map(lambda day: START + day * DAY)
offers = st.lists(
    st.builds(
        lambda amount, quantity, group, window: Offer(amount, quantity, group, *window),
        st.integers(50, 110),
        st.sampled_from([1, 1, 5]),
        st.sampled_from([None, None, "trade"]),
        st.tuples(st.none() | days, st.none() | days).filter(lambda one: None in one or one[0] < one[1]),
    ),
    max_size=4,
)
schedules = st.builds(Schedule, st.integers(80, 120), st.none() | st.integers(80, 150), offers)
changes = st.lists(st.tuples(days, schedules), min_size=1, max_size=5, unique_by=lambda one: one[0]).map(
    lambda found: sorted(found, key=lambda one: one[0])
)


def _kept(said: list[tuple[datetime, Schedule]]) -> list[Period]:
    kept = list[Period]()
    for at, schedule in said:
        past = cut(kept, at=at)
        kept = [*past, *told(past, planned(schedule, since=at))]
    return kept


def _asked(said: list[tuple[datetime, Schedule]], at: datetime) -> tuple[int, int | None] | None:
    """By the cart's own price function: what everybody pays at a moment, and what is struck through."""
    schedule = next((one for begun, one in reversed(said) if begun <= at), None)
    if schedule is None:
        return None
    open_to_all = [one for one in schedule.offers if one.group is None]
    amount = price_of(schedule.amount, open_to_all, quantity=1, at=at).amount
    struck = max(schedule.amount, schedule.compare_at or 0)
    return amount, struck if struck > amount else None


@settings(deadline=None)
@given(changes)
def test_a_reduction_names_the_lowest_price_of_the_thirty_days_before_it(said: Any) -> None:
    kept = _kept(said)

    assert all(one.ends_at == after.starts_at for one, after in pairwise(kept))
    asked_on = {day: _asked(said, START + day * DAY) for day in range(-40, 130)}
    for day in range(130):
        at = START + day * DAY
        held = next((one for one in kept if one.starts_at <= at and (one.ends_at is None or at < one.ends_at)), None)
        asked = asked_on[day]
        assert (held and (held.amount, held.compare_at)) == asked
        if held is None or asked is None or asked[1] is None:
            assert held is None or (held.lowest_before, held.reduced_since) == (None, None)
            continue
        begun = day
        while asked_on[begun - 1] == asked:
            begun -= 1
        assert held.reduced_since == START + begun * DAY
        # Whatever held at a time of those days held on one of them: everything here changes at midnight.
        before = [asked_on[one] for one in range(begun - 30, begun)]
        assert held.lowest_before == min((one[0] for one in before if one), default=None)


@pytest.mark.parametrize(
    ("said", "lowest"),
    [
        ([(0, 100), (40, 80)], 100),
        ([(0, 70), (10, 100), (39, 80)], 70),
        ([(0, 70), (10, 100), (40, 80)], 100),
        ([(0, 100), (40, 80), (45, 60)], 80),
        ([(0, 80)], None),
    ],
    ids=["plain", "raised shortly before", "raised thirty days before", "deeper, step by step", "new, and reduced"],
)
def test_what_shops_do_before_a_sale(said: list[tuple[int, int]], lowest: int | None) -> None:
    schedules = [(START + day * DAY, Schedule(amount, 120 if amount < 100 else None, [])) for day, amount in said]
    assert _kept(schedules)[-1].lowest_before == lowest


@dataclass
class Desk:
    """The grocer's pricing desk."""

    http: httpx.AsyncClient

    async def list(self, day: int, amount: int, compare_at: int | None = None) -> None:
        await self._put(day, "list", amount=amount, compare_at=compare_at)

    async def offers(self, day: int, *offers: dict[str, Any]) -> None:
        await self._put(day, "offers", offers=list(offers))

    async def _put(self, day: int, what: str, **body: Any) -> None:
        with clock.use(lambda: START + day * DAY):
            answer = await self.http.put(f"{PRICES}/{what}", json={"currency": "USD", **body})
        assert answer.status_code == 200, answer.text


@pytest.fixture
def desk(staff: httpx.AsyncClient, rows: Ask) -> Desk:
    rows("UPDATE price SET updated_at = %s RETURNING 1", START)
    return Desk(staff)


async def _shown(client: httpx.AsyncClient, path: str, day: int) -> tuple[int, int | None, int | None]:
    with clock.use(lambda: START + day * DAY):
        page = (await client.get(path, headers={"Cache-Control": "no-cache"})).json()
    soup = next(iter(page.get("items") or page["variants"]))
    return soup["price"]["amount"], soup["compare_at"], soup["lowest_price_30_days"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_sale_of_so_many_days_is_told_with_the_lowest_price_before(
    client: httpx.AsyncClient, desk: Desk, path: str
) -> None:
    await desk.list(20, 90)
    await desk.list(25, 100)
    sale = {"amount": 80, "starts_at": (START + 40 * DAY).isoformat(), "ends_at": (START + 45 * DAY).isoformat()}
    await desk.offers(30, sale)

    assert await _shown(client, path, 39) == (100, None, None)
    assert await _shown(client, path, 40) == (80, 100, 90)
    assert await _shown(client, path, 44) == (80, 100, 90)
    assert await _shown(client, path, 45) == (100, None, None)


async def test_a_price_before_is_told_with_the_lowest_price_before(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.list(40, 75, 130)
    assert await _shown(client, PAGES[0], 41) == (75, 130, 100)

    await desk.list(50, 75)
    assert await _shown(client, PAGES[0], 51) == (75, None, None)


async def test_a_reduction_of_some_names_no_price_of_everybodys(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.offers(40, {"amount": 60, "group": "trade"}, {"amount": 50, "min_quantity": 10})
    assert await _shown(client, PAGES[0], 41) == (100, None, None)


async def test_who_changed_what_from_what_to_what_is_kept(
    staff: httpx.AsyncClient, desk: Desk, rows: Ask, grocer: SeededShop
) -> None:
    await desk.list(1, 90, 110)
    await desk.list(2, 90, 110)
    await desk.offers(3, {"amount": 80})

    first = (await staff.get(f"{PRICES}/changes?limit=1")).json()
    rest = (await staff.get(f"{PRICES}/changes?cursor={first['next_cursor']}")).json()

    offered, priced = [*first["items"], *rest["items"]]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert priced["before"] == {"amount": 100, "compare_at": None, "offers": []}
    assert priced["after"] == offered["before"] == {"amount": 90, "compare_at": 110, "offers": []}
    assert [one["amount"] for one in offered["after"]["offers"]] == [80]
    assert offered["at"] == (START + 3 * DAY).isoformat().replace("+00:00", "Z")
    (key,) = rows("SELECT id FROM api_key")
    assert {priced["changed_by"], offered["changed_by"]} == {f"key:{key[0]}"}


async def test_a_change_that_is_refused_is_none(staff: httpx.AsyncClient, desk: Desk, rows: Ask) -> None:
    backwards = {"amount": 1, "starts_at": "2026-12-02T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z"}
    answer = await staff.put(f"{PRICES}/offers", json={"currency": "USD", "offers": [backwards]})
    assert answer.json()["code"] == "pricing.bad_window"
    assert rows("SELECT 1 FROM price_change UNION ALL SELECT 1 FROM price_period") == []
    assert (await staff.get("/v1/admin/prices/variants/nothing/changes")).json()["code"] == "pricing.unknown_sku"
    assert (await staff.get(f"{PRICES}/changes?cursor=nothing")).status_code == 400


async def test_what_is_lowest_is_each_channels_own(
    staff: httpx.AsyncClient, client: httpx.AsyncClient, desk: Desk, rows: Ask
) -> None:
    assert (await staff.post("/v1/admin/sales-channels", json={"code": "app", "name": "App"})).status_code == 201
    await desk.list(20, 90)
    await desk.list(25, 100)
    await desk.offers(40, {"amount": 60, "channel": "app"})
    await desk.offers(45, {"amount": 70, "channel": "app"}, {"amount": 80, "channel": "web"})
    kept = rows(
        "SELECT channel, amount, compare_at, lowest_before FROM price_period"
        " WHERE ends_at IS NULL ORDER BY channel NULLS FIRST"
    )
    assert kept == [(None, 100, None, None), ("app", 70, 100, 60), ("web", 80, 100, 90)]
    assert await _shown(client, PAGES[0], 46) == (80, 100, 90)

    await desk.offers(50)
    assert rows("SELECT channel, amount FROM price_period WHERE ends_at IS NULL ORDER BY channel NULLS FIRST") == [
        (None, 100),
        ("app", 100),
        ("web", 100),
    ]
    await desk.offers(60, {"amount": 95})
    assert await _shown(client, PAGES[0], 61) == (95, 100, 80)
