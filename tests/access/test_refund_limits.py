"""A limit of what somebody gives away: set with their membership, and theirs whatever they act through."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from commerce.policies.limits import RefundLimit
from tests.access.team import Person, Team

STAFF = "/v1/admin/staff"
ADDRESS = {
    "name": "Ada Byron",
    "line1": "12 Main Street",
    "line2": None,
    "postal_code": "43004",
    "city": "Columbus",
    "region": "OH",
    "country": "US",
    "phone": None,
}
SAME = {"Sec-Fetch-Site": "same-origin"}


async def _order(team: Team, quantity: int, delivery: str | None = None) -> str:
    """An order for so many times $6, paid."""
    http = await team.door()
    visit = await http.post("/v1/store/sessions", json={"reference": "household-1"})
    http.headers["Authorization"] = f"Bearer {visit.cookies['tradewind_session']}"
    cart = f"/v1/store/carts/{(await http.post('/v1/store/carts')).json()['id']}"
    line = {"variant_id": str(team.shop.products[5].variant_id), "quantity": quantity}
    await http.post(f"{cart}/lines", json=line)
    if delivery is not None:
        await http.put(f"{cart}/address", json=ADDRESS)
        await http.put(f"{cart}/delivery", json={"code": delivery})
    pay = {"payment": {"provider": "test", "token": "tok_ok"}, "email": "a@b.example"}
    placed = await http.post(f"{cart}/complete", json=pay, headers=_once())
    assert placed.status_code == 201, placed.text
    order_id: str = placed.json()["id"]
    return order_id


def _once() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


async def _refund(http: httpx.AsyncClient, order: str, amount: int) -> httpx.Response:
    body = {"amount": amount, "reason": "goodwill"}
    return await http.post(f"/v1/admin/orders/{order}/refunds", json=body, headers=_once())


async def _cancel(http: httpx.AsyncClient, order: str) -> httpx.Response:
    return await http.post(f"/v1/admin/orders/{order}/cancel", json={"reason": "late"}, headers=_once())


async def test_a_support_agent_gives_back_a_hundred_an_order_and_five_hundred_a_day_unless_it_is_said(
    team: Team,
) -> None:
    agent, order = await team.hire("support_agent"), await _order(team, 17)
    over = await _refund(agent.http, order, 10_001)
    assert (over.status_code, over.json()["code"]) == (403, "orders.refund_over_limit")
    assert (over.json()["limit"], over.json()["left"], over.json()["currency"]) == (10_000, 10_000, "USD")
    assert (await _cancel(agent.http, order)).json()["code"] == "orders.refund_over_limit"
    assert (await _refund(agent.http, order, 10_000)).status_code == 201
    for _ in range(4):
        assert (await _refund(agent.http, await _order(team, 17), 10_000)).status_code == 201
    assert (await _refund(agent.http, await _order(team, 1), 1)).json()["per"] == "day"


async def test_many_orders_are_cancelled_up_to_the_limit(team: Team) -> None:
    agent = await team.hire("support_agent", refunds={"USD": RefundLimit(600, 1_200)})
    orders = [await _order(team, 1) for _ in range(3)]
    body = {"order_ids": orders, "reason": "late"}
    answer = await agent.http.post("/v1/admin/orders/cancellations", json=body, headers=_once())
    problems = [item["problem"] for item in answer.json()["items"]]
    assert problems == [None, None, "orders.refund_over_limit"]


async def test_a_delivery_that_is_given_back_counts(team: Team) -> None:
    admin = await team.hire("admin")
    parcel = {"name": "Parcel", "price": 495, "min_days": 2, "max_days": 4}
    await admin.http.put("/v1/admin/delivery-methods/parcel", json=parcel)
    agent = await team.hire("support_agent", refunds={"USD": RefundLimit(400, 400)})
    order = f"/v1/admin/orders/{await _order(team, 1, 'parcel')}/refunds"
    for amount, code in (("all", 403), (401, 403), (400, 201)):
        answer = await agent.http.post(order, json={"shipping": amount, "reason": "late"}, headers=_once())
        assert answer.status_code == code, answer.text


async def test_requests_at_once_do_not_exceed_a_day(team: Team) -> None:
    agent = await team.hire("support_agent", refunds={"USD": RefundLimit(600, 1_200)})
    orders = [await _order(team, 1) for _ in range(5)]
    answers = await asyncio.gather(*(_refund(agent.http, order, 400) for order in orders))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 403, 403]


async def test_a_limit_is_set_and_changed_over_the_api(team: Team) -> None:
    admin, agent = await team.hire("admin"), await team.hire("support_agent")
    order = await _order(team, 17)

    async def limit(amount: int, version: int) -> None:
        limits = {"refunds": {"USD": {"per_order": amount, "per_day": amount}}}
        body = {"roles": ["support_agent"], "limits": limits, "version": version}
        changed = await admin.http.put(f"{STAFF}/{agent.member_id}", json=body)
        assert changed.status_code == 200, changed.text
        assert changed.json()["limits"] == limits | {"warehouses": None}

    await limit(50, 1)
    assert (await _refund(agent.http, order, 51)).status_code == 403
    assert (await _refund(agent.http, order, 50)).status_code == 201
    await limit(60, 2)
    assert (await _refund(agent.http, order, 11)).json()["left"] == 10, "what was given counts against the new one"
    assert (await _refund(agent.http, order, 10)).status_code == 201
    assert (await _refund(admin.http, order, 5_000)).status_code == 201, "an admin has none"


async def test_a_limit_is_set_on_the_page_of_a_person(team: Team) -> None:
    admin, agent = await team.hire("admin"), await team.hire("support_agent", refunds={"EUR": RefundLimit(1, 2)})
    browser = await team.browser(admin)
    browser.headers.update(SAME)
    at = f"/back-office/people/{agent.member_id}"
    assert 'name="per_order" value=""' in (await browser.get(at)).text

    def form(version: int, **amounts: str) -> dict[str, str]:
        return {"roles": "support_agent", "version": str(version), **amounts}

    kept = await browser.post(at, data=form(1, per_order="12.50", per_day="40"))
    assert kept.status_code == 303, kept.text
    page = (await browser.get(at)).text
    assert 'name="per_order" value="12.50"' in page
    assert 'name="per_day" value="40.00"' in page
    member = (await admin.http.get(f"{STAFF}/{agent.member_id}")).json()
    assert member["limits"]["refunds"] == {
        "EUR": {"per_order": 1, "per_day": 2},
        "USD": {"per_order": 1_250, "per_day": 4_000},
    }
    for unclear in ({"per_order": "1"}, {"per_order": "1.005", "per_day": "2"}):
        refused = await browser.post(at, data=form(2, **unclear))
        assert (refused.status_code, "backoffice.limit_unclear" in refused.text) == (422, True)
    assert (await browser.post(at, data=form(2, per_order="-1", per_day="2"))).status_code == 422
    assert (await browser.post(at, data=form(2))).status_code == 303
    member = (await admin.http.get(f"{STAFF}/{agent.member_id}")).json()
    assert member["limits"]["refunds"] == {"EUR": {"per_order": 1, "per_day": 2}}


async def _key_of(person: Person, *scopes: str) -> str:
    made = await person.http.post("/v1/admin/api-keys", json={"name": "Mine", "scopes": list(scopes)})
    assert made.status_code == 201, made.text
    key: str = made.json()["key"]
    return key


async def _program_of(team: Team, person: Person, *scopes: str) -> str:
    """A token of a program that they have registered."""
    body = {"name": "P", "kind": "confidential", "grants": ["client_credentials"], "scopes": list(scopes)}
    made = (await person.http.post("/v1/admin/programs", json=body)).json()
    asked = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
    door = await team.door()
    answer = await door.post("/oauth/token", data=asked, auth=(made["id"], made["client_secret"]))
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


@pytest.mark.parametrize("through", ["key", "program"])
async def test_what_somebody_made_before_they_had_a_limit_has_it_too(team: Team, through: str) -> None:
    boss = await team.hire("admin", email="boss@shop.example")
    person, order = await team.hire("admin", email="lead@shop.example"), await _order(team, 17)
    scopes = ("orders:read", "orders:refund", "prices:write")
    token = await (_program_of(team, person, *scopes) if through == "program" else _key_of(person, *scopes))
    http = await team.door(token)
    assert (await _refund(http, order, 5_000)).status_code == 201

    limits = {"refunds": {"USD": {"per_order": 5_100, "per_day": 9_000}}}
    body = {"roles": ["support_agent"], "limits": limits, "version": 1}
    changed = await boss.http.put(f"{STAFF}/{person.member_id}", json=body)
    assert changed.status_code == 200, changed.text
    over = await _refund(http, order, 101)
    assert (over.status_code, over.json()["code"], over.json()["left"]) == (403, "orders.refund_over_limit", 100)
    assert (await _refund(person.http, order, 60)).status_code == 201
    assert (await _refund(http, order, 41)).json()["left"] == 40, "person and program have one limit between them"
    gone = await http.put("/v1/admin/prices/variants/SKU0/list", json={"amount": 1, "currency": "USD"})
    assert gone.json()["code"] == "identity.scope_missing", "nor may it do what they may not any more"


async def test_whoever_has_a_limit_gets_no_new_secret_of_a_program_that_has_none(team: Team) -> None:
    admin = await team.hire("admin")
    body = {"name": "P", "kind": "confidential", "grants": ["client_credentials"], "scopes": ["orders:refund"]}
    program = (await admin.http.post("/v1/admin/programs", json=body)).json()
    role = {"name": "Lead", "meaning": "Leads.", "permissions": ["programs:write"]}
    made = (await admin.http.post("/v1/admin/roles", json=role)).json()
    at = f"/v1/admin/programs/{program['id']}/secret"
    lead = await team.hire("support_agent", role_ids=(made["id"],))
    assert (await lead.http.post(at)).json()["code"] == "identity.bound_by_limits"
    other = await team.hire(email="other@shop.example", role_ids=(made["id"],))
    assert (await other.http.post(at)).json()["code"] == "identity.scope_missing"
    assert (await admin.http.post(at)).status_code == 200


async def test_credit_is_given_under_the_same_limit(team: Team) -> None:
    admin = await team.hire("admin")
    role = {"name": "Makes up", "meaning": "Makes up.", "permissions": ["stored_value:write"]}
    made = (await admin.http.post("/v1/admin/roles", json=role)).json()
    agent = await team.hire("support_agent", role_ids=(made["id"],), refunds={"USD": RefundLimit(500, 600)})
    async with team.tx() as tx:
        customer: Any = await tx.connection.fetchval("SELECT id FROM customer LIMIT 1")
    credit = f"/v1/admin/customers/{customer}/store-credit"

    async def post(path: str, amount: int) -> httpx.Response:
        return await agent.http.post(path, json={"amount": amount, "reason": "sorry"}, headers=_once())

    for path in (credit, "/v1/admin/gift-cards"):
        assert (await post(path, 501)).json()["code"] == "orders.refund_over_limit"
    assert (await post(credit, 500)).status_code == 201
    assert (await post("/v1/admin/gift-cards", 101)).json()["left"] == 100
    assert (await post("/v1/admin/gift-cards", 100)).status_code == 201
    assert (await _refund(agent.http, await _order(team, 1), 1)).json()["per"] == "day"
