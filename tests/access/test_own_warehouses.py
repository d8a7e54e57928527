"""Whoever is bound to warehouses works in those as everybody does, and in no other."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.access.team import Person, Team

INVENTORY = "/v1/admin/inventory"


async def _asked(http: httpx.AsyncClient, method: str, path: str, body: object = None) -> Any:
    answer = await http.request(method, path, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


async def _refused(http: httpx.AsyncClient, method: str, path: str, body: object = None) -> str:
    answer = await http.request(method, path, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code in {403, 404, 409}, answer.text
    code: str = answer.json()["code"]
    return code


@pytest.fixture
async def admin(team: Team) -> httpx.AsyncClient:
    """Of a shop with a hundred of everything in `main`, and ten SKU0 each in `north` and `south`."""
    person = await team.hire("admin")
    for code in ("north", "south"):
        await _asked(person.http, "PUT", f"{INVENTORY}/warehouses/{code}", {"name": code})
        moved = {"sku": "SKU0", "source": "main", "destination": code, "quantity": 10}
        await _asked(person.http, "POST", f"{INVENTORY}/transfers", moved)
    return person.http


async def _manager(team: Team, *codes: str) -> Person:
    async with team.tx() as tx:
        rows = await tx.connection.fetch("SELECT id FROM warehouse WHERE code = ANY($1)", list(codes))
    found: frozenset[UUID] = frozenset(row["id"] for row in rows)
    return await team.hire("warehouse_manager", warehouses=found)


async def test_a_warehouse_manager_of_none_sees_none(team: Team, admin: httpx.AsyncClient) -> None:
    nobody = await team.hire("warehouse_manager", email="nobody@shop.example")
    assert (await _asked(nobody.http, "GET", f"{INVENTORY}/warehouses"))["items"] == []
    assert (await _asked(nobody.http, "GET", f"{INVENTORY}/stock?sku=SKU0"))["items"] == []
    got = {"sku": "SKU0", "warehouse": "main", "quantity": 1}
    assert await _refused(nobody.http, "POST", f"{INVENTORY}/receipts", got) == "inventory.unknown_warehouse"


async def test_a_manager_keeps_the_stock_of_their_warehouses(team: Team, admin: httpx.AsyncClient) -> None:
    http = (await _manager(team, "north", "south")).http
    assert [one["code"] for one in (await _asked(http, "GET", f"{INVENTORY}/warehouses"))["items"]] == [
        "north",
        "south",
    ]
    place = {"sku": "SKU0", "warehouse": "north"}
    await _asked(http, "POST", f"{INVENTORY}/receipts", place | {"quantity": 5})
    await _asked(http, "POST", f"{INVENTORY}/write-offs", place | {"quantity": 1, "reason": "broken"})
    await _asked(http, "POST", f"{INVENTORY}/counts", place | {"counted": 20})
    moved = {"sku": "SKU0", "source": "north", "destination": "south", "quantity": 2}
    levels = await _asked(http, "POST", f"{INVENTORY}/transfers", moved)
    assert {one["warehouse"]: one["available"] for one in levels["items"]} == {"north": 18, "south": 12}
    movements = await _asked(http, "GET", f"{INVENTORY}/movements?sku=SKU0")
    assert {one["warehouse"] for one in movements["items"]} == {"north", "south"}
    renamed = await _asked(http, "PUT", f"{INVENTORY}/warehouses/north", {"name": "Harbour"})
    assert [one["name"] for one in renamed["items"]] == ["Harbour", "south"]
    for code in ("main", "west"):
        answer = await _refused(http, "PUT", f"{INVENTORY}/warehouses/{code}", {"name": "Mine now"})
        assert answer == "inventory.unknown_warehouse"
    codes = [one["code"] for one in (await _asked(admin, "GET", f"{INVENTORY}/warehouses"))["items"]]
    assert sorted(codes) == ["main", "north", "south"]
    for source, destination in (("north", "main"), ("main", "north")):
        across = {"sku": "SKU0", "source": source, "destination": destination, "quantity": 1}
        for how in ("transfers", "dispatches"):
            assert await _refused(http, "POST", f"{INVENTORY}/{how}", across) == "inventory.unknown_warehouse"


async def test_what_is_sent_to_their_warehouse_is_theirs_to_take_in(team: Team, admin: httpx.AsyncClient) -> None:
    http = (await _manager(team, "north")).http

    async def sent(source: str, destination: str) -> str:
        body = {"sku": "SKU0", "source": source, "destination": destination, "quantity": 3}
        found: str = (await _asked(admin, "POST", f"{INVENTORY}/dispatches", body))["items"][0]["id"]
        return found

    here, from_here, elsewhere = await sent("main", "north"), await sent("north", "south"), await sent("main", "south")
    seen = await _asked(http, "GET", f"{INVENTORY}/dispatches?sku=SKU0")
    assert {one["id"] for one in seen["items"]} == {here, from_here}
    arrived = {"received": 3}
    await _asked(http, "POST", f"{INVENTORY}/dispatches/{here}/arrivals", arrived)
    for other in (from_here, elsewhere):
        at = f"{INVENTORY}/dispatches/{other}/arrivals"
        assert await _refused(http, "POST", at, arrived) == "inventory.dispatch_not_found"
    levels = (await _asked(http, "GET", f"{INVENTORY}/stock?sku=SKU0"))["items"]
    assert [(one["warehouse"], one["available"]) for one in levels] == [("north", 10)]


async def test_what_concerns_every_warehouse_is_for_nobody_who_is_bound(team: Team, admin: httpx.AsyncClient) -> None:
    http = (await _manager(team, "north", "south", "main")).http
    for method, what, body in (
        ("PUT", "policies", {"sku": "SKU0", "safety_stock": 1}),
        ("PUT", "allocation", {"rule": "nearest"}),
        ("PUT", "bundles", {"sku": "SKU1", "components": [{"sku": "SKU0"}]}),
        ("POST", "recalls", {"sku": "SKU0", "lot": "x"}),
    ):
        assert await _refused(http, method, f"{INVENTORY}/{what}", body) == "inventory.other_warehouse", what


async def _order(team: Team, quantity: int) -> str:
    http = await team.door()
    visit = await http.post("/v1/store/sessions", json={"reference": "household-1"})
    http.headers["Authorization"] = f"Bearer {visit.cookies['tradewind_session']}"
    cart = f"/v1/store/carts/{(await http.post('/v1/store/carts')).json()['id']}"
    line = {"variant_id": str(team.shop.products[0].variant_id), "quantity": quantity}
    await http.post(f"{cart}/lines", json=line)
    pay = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "a@b.example"}
    order_id: str = (await _asked(http, "POST", f"{cart}/complete", pay))["id"]
    return order_id


async def test_a_manager_sends_what_lies_in_their_warehouses(team: Team, admin: httpx.AsyncClient) -> None:
    """The order takes the 80 of `main` and 5 of a smaller one."""
    order = f"/v1/admin/orders/{await _order(team, 85)}"
    sources = {one["warehouse"]: one["quantity"] for one in (await _asked(admin, "GET", order))["sources"]}
    (own,) = sources.keys() - {"main"}
    manager = await _manager(team, own)
    http, line = manager.http, (await _asked(admin, "GET", order))["lines"][0]["id"]
    seen = await _asked(http, "GET", order)
    assert [(one["warehouse"], one["quantity"]) for one in seen["sources"]] == [(own, 5)]

    too_many = {"lines": [{"line_id": line, "quantity": 6}]}
    assert await _refused(http, "POST", f"{order}/fulfilments", too_many) == "inventory.not_from_there"
    foreign = {"warehouse": "main"}
    assert await _refused(http, "POST", f"{order}/fulfilments", foreign) == "inventory.unknown_warehouse"
    mine = await _asked(http, "POST", f"{order}/fulfilments", {})
    assert [(one["warehouse"], one["lines"][0]["quantity"]) for one in mine["parcels"]] == [(own, 5)]
    assert await _refused(http, "POST", f"{order}/fulfilments", {}) == "orders.nothing_to_send"

    everything = await _asked(admin, "POST", f"{order}/fulfilments", {})
    by_warehouse = {one["warehouse"]: one["id"] for one in everything["parcels"]}
    assert set(by_warehouse) == {"main", own}
    assert [one["id"] for one in (await _asked(http, "GET", order))["parcels"]] == [by_warehouse[own]]
    for warehouse, works in ((own, True), ("main", False)):
        at = f"{order}/fulfilments/{by_warehouse[warehouse]}"
        slip = await http.get(f"{at}/packing-slip.pdf")
        label = await http.get(f"{at}/label.pdf")
        assert (slip.status_code == 200, label.status_code == 200) == (works, works)
        for step, body in (("tracking", {"tracking_number": "1"}), ("progress", {"status": "delivered"})):
            if works:
                await _asked(http, "POST", f"{at}/{step}", body)
            else:
                assert await _refused(http, "POST", f"{at}/{step}", body) == "orders.fulfilment_not_found"


async def test_what_comes_back_goes_into_their_own(team: Team, admin: httpx.AsyncClient) -> None:
    order = f"/v1/admin/orders/{await _order(team, 2)}"
    sent = await _asked(admin, "POST", f"{order}/fulfilments", {})
    back = {"lines": [{"line_id": sent["lines"][0]["id"], "quantity": 2, "reason": "damaged"}]}
    return_id = (await _asked(admin, "POST", f"{order}/returns", back))["returns"][0]["id"]
    role = {"name": "Returns", "meaning": "Takes returns in.", "permissions": ["orders:write"]}
    made = (await _asked(admin, "POST", "/v1/admin/roles", role))["id"]
    async with team.tx() as tx:
        north = await tx.connection.fetchval("SELECT id FROM warehouse WHERE code = 'north'")
    desk = await team.hire(role_ids=(UUID(made),), warehouses=frozenset({north}))
    at = f"{order}/returns/{return_id}/receive"
    assert await _refused(desk.http, "POST", at, {"warehouse": "main"}) == "inventory.unknown_warehouse"
    await _asked(desk.http, "POST", at, {"warehouse": "north"})


async def test_nobody_binds_others_to_more_than_their_own(team: Team, admin: httpx.AsyncClient) -> None:
    role = {"name": "Head", "meaning": "Hires.", "permissions": ["staff:read", "staff:write"]}
    made = UUID((await _asked(admin, "POST", "/v1/admin/roles", role))["id"])
    async with team.tx() as tx:
        rows = await tx.connection.fetch("SELECT code, id FROM warehouse")
    ids = {row["code"]: row["id"] for row in rows}
    head = await team.hire("warehouse_manager", role_ids=(made,), warehouses=frozenset({ids["north"]}))

    def invitation(*codes: str) -> dict[str, Any]:
        limits = {"warehouses": [str(ids[code]) for code in codes]}
        return {"email": "new@shop.example", "roles": ["warehouse_manager"], "limits": limits}

    for codes in (("main",), ("north", "main")):
        assert await _refused(head.http, "POST", "/v1/admin/staff", invitation(*codes)) == "staffing.wider_limits"
    await _asked(head.http, "POST", "/v1/admin/staff", invitation("north"))
    browser = await team.browser(head)
    page = (await browser.get(f"/back-office/people/{head.member_id}")).text
    assert (str(ids["north"]) in page, str(ids["main"]) in page) == (True, False)
